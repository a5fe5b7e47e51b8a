#!/usr/bin/env node
// Starts the program that npm has installed for this system, in a package of its own beside this one.
'use strict';

const { spawn } = require('node:child_process');

const name = '@NAME@';
const system = `${process.platform}-${process.arch}`;
const file = process.platform === 'win32' ? `${name}.exe` : name;

let program;
try {
  program = require.resolve(`${name}-${system}/bin/${file}`);
} catch {
  const found = process.report?.getReport().header.glibcVersionRuntime;
  const musl = process.platform === 'linux' && !found ? ' (this Linux has no glibc)' : '';
  console.error(`[openclaw] npm installed no program for ${system}${musl}: the package ${name}-${system} is missing.`);
  console.error(`  → Install it again, with optional packages: npm install -g --include=optional ${name}`);
  process.exit(1);
}

// `npx @NAME@` alone is somebody who tries it.
const typed = process.argv.slice(2);
const args = typed.length === 0 && process.env.npm_command === 'exec' ? ['onboard'] : typed;

const child = spawn(program, args, { stdio: 'inherit' });
// Ctrl-C reaches the program from the terminal; who ends this process means the program.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`[openclaw] ${program} can not be started: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
