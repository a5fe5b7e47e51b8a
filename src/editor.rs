//! The editor of the person at the terminal: which one it is, and how it opens a file at a position.

use std::ffi::OsString;
use std::path::Path;

use crate::host::Host;
use crate::host::process::CommandSpec;

/// Editors that are looked for where no variable names one, the easiest to leave first.
const KNOWN_EDITORS: [&str; 5] = ["nano", "micro", "nvim", "vim", "vi"];

/// The program that opens a text file for a person, with the arguments that its variable has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Editor {
    program: String,
    args: Vec<String>,
}

impl Editor {
    /// Returns the editor that `VISUAL` or `EDITOR` names, else the first known one that is installed; `None` where there
    /// is none.
    pub(crate) fn find(host: &Host) -> Option<Self> {
        let chosen = host.var("VISUAL").or_else(|| host.var("EDITOR"));
        if let Some(mut words) = chosen.map(str::split_whitespace)
            && let Some(program) = words.next()
        {
            return Some(Self {
                program: program.to_owned(),
                args: words.map(str::to_owned).collect(),
            });
        }
        let folders = host.search_path();
        let is_installed = |name: &&&str| {
            folders
                .iter()
                .any(|folder| host.is_executable(&folder.join(name)))
        };
        let name = KNOWN_EDITORS.iter().find(is_installed)?;
        Some(Self {
            program: (*name).to_owned(),
            args: Vec::new(),
        })
    }

    /// Returns the file name of the editor's program, as the person knows it.
    pub(crate) fn name(&self) -> &str {
        let path = Path::new(&self.program);
        path.file_name()
            .and_then(|name| name.to_str())
            .unwrap_or(&self.program)
    }

    /// Returns the command that opens a file in the editor, at a line and a column counted from 1 where they are known, and
    /// that ends when the file is closed.
    pub(crate) fn command(&self, path: &Path, position: Option<(usize, usize)>) -> CommandSpec {
        let mut args: Vec<OsString> = self.args.iter().map(OsString::from).collect();
        let with_position = |separator: &str| {
            let mut text = path.as_os_str().to_owned();
            if let Some((line, column)) = position {
                text.push(format!("{separator}{line}{separator}{column}"));
            }
            text
        };
        match self.name() {
            "code" | "code-insiders" | "codium" | "cursor" => {
                args.extend(["--wait".into(), "--goto".into(), with_position(":")]);
            }
            "subl" | "zed" => args.extend(["--wait".into(), with_position(":")]),
            "hx" | "helix" => args.push(with_position(":")),
            // vi, nano, emacs and most others.
            _ => {
                args.extend(position.map(|(line, _)| format!("+{line}").into()));
                args.push(path.into());
            }
        }
        CommandSpec::new(&self.program, args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(variables: &[(&str, &str)]) -> Option<Editor> {
        Editor::find(&Host::fixed(&["openclaw"], variables.iter().copied()))
    }

    fn words(editor: &str, position: Option<(usize, usize)>) -> Vec<String> {
        let spec = self::editor(&[("EDITOR", editor)]).unwrap();
        let spec = spec.command(Path::new("/h/a b.json"), position);
        let words = std::iter::once(&spec.program).chain(&spec.args);
        words.map(|word| word.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn visual_is_preferred_to_editor_and_may_have_arguments() {
        let found = editor(&[("VISUAL", "emacs -nw"), ("EDITOR", "vi")]).unwrap();
        assert_eq!(
            (found.name(), &found.args[..]),
            ("emacs", &["-nw".to_owned()][..])
        );
        assert_eq!(editor(&[("EDITOR", "/usr/bin/vi")]).unwrap().name(), "vi");
        assert_eq!(editor(&[]), None, "no variable and no search path");
    }

    #[test]
    fn editor_opens_the_file_at_the_position_in_its_own_way() {
        let at = Some((4, 2));
        assert_eq!(words("vim", at), ["vim", "+4", "/h/a b.json"]);
        assert_eq!(words("emacs -nw", at), ["emacs", "-nw", "+4", "/h/a b.json"]);
        assert_eq!(words("hx", at), ["hx", "/h/a b.json:4:2"]);
        assert_eq!(words("code", at), ["code", "--wait", "--goto", "/h/a b.json:4:2"]);
        assert_eq!(words("vim", None), ["vim", "/h/a b.json"]);
    }
}
