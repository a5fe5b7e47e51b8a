// Prints what a release of OpenClaw says to each config of a folder, one line of JSON per file.
// Arguments: the folder `dist` of the release, the folder of the configs.
import fs from "node:fs";
import path from "node:path";

const [dist, folder] = process.argv.slice(2);
const early = path.join(dist, "config", "io.js");
let createConfigIO;
if (fs.existsSync(early)) {
  ({ createConfigIO } = await import(early));
} else {
  // The late release has its modules in files named by their content, and exports short names.
  const name = fs.readdirSync(dist).find((name) => /^io\.factory-.*\.mjs$/.test(name));
  const file = path.join(dist, name);
  const alias = /createConfigIO as (\w+)/.exec(fs.readFileSync(file, "utf8"))[1];
  createConfigIO = (await import(file))[alias];
}
const silent = () => {};
for (const name of fs.readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const configPath = path.join(folder, name);
  const io = createConfigIO({
    configPath,
    env: { ...process.env },
    observe: false,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  });
  const { valid, issues } = await io.readConfigFileSnapshot();
  console.log(JSON.stringify({ name, valid, issues: issues.map(({ path, message }) => `${path}: ${message}`) }));
}
process.exit(0);
