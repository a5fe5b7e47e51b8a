//! Which browser there is: one that the config names, else the user's own choice, else what lies on the
//! search path or where each system puts such programs (docs/openclaw.md#browser-discovery). Chrome, Brave, Edge, Chromium.

use std::path::{Path, PathBuf};

use crate::host::{Host, read};

/// A browser that speaks the debugging protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Google Chrome.
    Chrome,
    /// Brave.
    Brave,
    /// Microsoft Edge.
    Edge,
    /// Chromium.
    Chromium,
    /// Named by the config, and none of those by its file's name.
    Custom,
}

impl Kind {
    /// The order in which they are looked for.
    const ORDER: [Self; 4] = [Self::Chrome, Self::Brave, Self::Edge, Self::Chromium];

    /// The stable name, as the status has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Brave => "brave",
            Self::Edge => "edge",
            Self::Chromium => "chromium",
            Self::Custom => "custom",
        }
    }

    /// The kind of a program by its file's name.
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        let has = |part: &str| name.contains(part);
        match () {
            () if has("chromium") => Self::Chromium,
            () if has("brave") => Self::Brave,
            () if has("edge") => Self::Edge,
            () if has("chrome") => Self::Chrome,
            () => Self::Custom,
        }
    }

    /// Its commands on a search path.
    fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &["google-chrome", "google-chrome-stable", "chrome"],
            Self::Brave => &["brave-browser", "brave-browser-stable", "brave"],
            Self::Edge => &["microsoft-edge", "microsoft-edge-stable", "msedge"],
            Self::Chromium => &["chromium", "chromium-browser"],
            Self::Custom => &[],
        }
    }

    /// Where Linux packages put it.
    fn linux(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &[
                "/usr/bin/google-chrome",
                "/usr/bin/google-chrome-stable",
                "/opt/google/chrome/chrome",
            ],
            Self::Brave => &[
                "/usr/bin/brave-browser",
                "/opt/brave.com/brave/brave-browser",
                "/snap/bin/brave",
            ],
            Self::Edge => &["/usr/bin/microsoft-edge", "/opt/microsoft/msedge/msedge"],
            Self::Chromium => &[
                "/usr/bin/chromium",
                "/usr/bin/chromium-browser",
                "/usr/lib/chromium/chromium",
                "/snap/bin/chromium",
            ],
            Self::Custom => &[],
        }
    }

    /// Below `/Applications` and `~/Applications`.
    fn mac(self) -> &'static str {
        match self {
            Self::Chrome => "Google Chrome.app/Contents/MacOS/Google Chrome",
            Self::Brave => "Brave Browser.app/Contents/MacOS/Brave Browser",
            Self::Edge => "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            Self::Chromium | Self::Custom => "Chromium.app/Contents/MacOS/Chromium",
        }
    }

    /// Below the program folders of Windows.
    fn windows(self) -> &'static str {
        match self {
            Self::Chrome => r"Google\Chrome\Application\chrome.exe",
            Self::Brave => r"BraveSoftware\Brave-Browser\Application\brave.exe",
            Self::Edge => r"Microsoft\Edge\Application\msedge.exe",
            Self::Chromium | Self::Custom => r"Chromium\Application\chrome.exe",
        }
    }
}

/// A browser that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub kind: Kind,
    /// Its program.
    pub path: PathBuf,
}

/// A family of systems, as far as it matters where programs lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Linux,
    Mac,
    Windows,
}

impl System {
    fn here() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Mac
        } else {
            Self::Linux
        }
    }
}

/// The first browser of this host, in the order of docs/openclaw.md#browser-discovery: the desktop's default, then Chrome,
/// Brave, Edge, Chromium.
pub fn find(host: &Host, home: &Path) -> Option<Found> {
    let system = System::here();
    let usual = if system == System::Linux {
        desktop_default(host, home)
    } else {
        None
    };
    candidates(system, usual, host, home)
        .into_iter()
        .find(|found| found.path.is_file())
}

/// Where to look, in order.
fn candidates(system: System, first: Option<Kind>, host: &Host, home: &Path) -> Vec<Found> {
    let others = Kind::ORDER.into_iter().filter(|kind| Some(*kind) != first);
    let mut all = Vec::new();
    for kind in first.into_iter().chain(others) {
        let mut add = |path: PathBuf| all.push(Found { kind, path });
        let search = host.var("PATH").unwrap_or_default();
        let folders = search.split(if system == System::Windows { ';' } else { ':' });
        for folder in folders.map(Path::new).filter(|folder| folder.is_absolute()) {
            for command in kind.commands() {
                add(folder.join(command));
                if system == System::Windows {
                    add(folder.join(format!("{command}.exe")));
                }
            }
        }
        match system {
            System::Linux => kind.linux().iter().for_each(|path| add(path.into())),
            System::Mac => {
                let folders = [PathBuf::from("/Applications"), home.join("Applications")];
                for folder in &folders {
                    add(folder.join(kind.mac()));
                }
            }
            System::Windows => {
                let vars = ["LOCALAPPDATA", "PROGRAMFILES", "PROGRAMFILES(X86)"];
                let folders = vars.iter().filter_map(|name| host.var(name));
                folders.for_each(|folder| add(Path::new(folder).join(kind.windows())));
            }
        }
    }
    all
}

/// What the desktop opens web pages with: read from its own file, so that nothing need be started.
fn desktop_default(host: &Host, home: &Path) -> Option<Kind> {
    let config = host
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| home.join(".config"));
    default_in(&read::text(&config.join("mimeapps.list")).ok()?)
}

/// The browser of `[Default Applications]` in a `mimeapps.list`.
fn default_in(text: &str) -> Option<Kind> {
    let section = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[Default Applications]");
    let mut lines = section.skip(1).take_while(|line| !line.starts_with('['));
    let apps = lines.find_map(|line| line.strip_prefix("x-scheme-handler/http="))?;
    let kind = Kind::of(Path::new(apps.split(';').next()?.trim()));
    (kind != Kind::Custom).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(system: System, first: Option<Kind>, vars: &[(&str, &str)]) -> Vec<String> {
        let host = Host::fixed(&[], vars.iter().copied());
        let found = candidates(system, first, &host, Path::new("/home/a"));
        found
            .into_iter()
            .map(|f| f.path.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn the_search_path_goes_before_the_usual_places_and_the_default_before_all() {
        let all = paths(System::Linux, Some(Kind::Chromium), &[("PATH", "/x::rel:/y")]);
        let at = |wanted: &str| all.iter().position(|path| path == wanted).unwrap();
        assert_eq!(at("/x/chromium"), 0);
        assert!(at("/y/chromium") < at("/snap/bin/chromium"));
        assert!(at("/snap/bin/chromium") < at("/x/google-chrome"));
        assert!(at("/usr/bin/google-chrome") < at("/x/brave"));
        assert!(at("/usr/bin/brave-browser") < at("/usr/bin/microsoft-edge"));
        assert!(all.iter().all(|path| path.starts_with('/')), "{all:?}");
    }

    #[test]
    fn each_system_has_its_places() {
        let mac = paths(System::Mac, None, &[]);
        assert!(mac[0].starts_with("/Applications/Google Chrome.app"));
        assert!(
            mac.iter()
                .any(|p| p.starts_with("/home/a/Applications/Chromium.app"))
        );
        let windows = paths(System::Windows, None, &[("PROGRAMFILES", "/pf")]);
        assert!(windows.iter().any(|p| p.ends_with("msedge.exe")), "{windows:?}");
    }

    #[test]
    fn a_program_is_known_by_its_name() {
        for (path, kind) in [
            ("/usr/bin/chromium", Kind::Chromium),
            ("/a/Google Chrome", Kind::Chrome),
            ("/a/msedge.exe", Kind::Edge),
            ("/snap/bin/brave", Kind::Brave),
            ("/a/thorium", Kind::Custom),
        ] {
            assert_eq!(Kind::of(Path::new(path)), kind, "{path}");
        }
    }

    #[test]
    fn the_desktop_says_what_it_opens_pages_with() {
        let text = "[Added Associations]\nx-scheme-handler/http=brave.desktop\n\
                    [Default Applications]\nx-scheme-handler/http=microsoft-edge.desktop;x.desktop;\n";
        assert_eq!(default_in(text), Some(Kind::Edge));
        assert_eq!(
            default_in("[Default Applications]\nx-scheme-handler/http=firefox.desktop"),
            None
        );
        assert_eq!(default_in(""), None);
    }
}
