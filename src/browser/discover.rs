//! Finds an installed browser: the desktop's default one, else Chrome, Brave, Edge or Chromium on the search path or in
//! the folders where each system installs them (docs/openclaw.md#browser-discovery).

use std::path::{Path, PathBuf};

use crate::host::{Host, read};

/// A kind of browser that supports the Chrome `DevTools` protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrowserKind {
    /// Google Chrome.
    Chrome,
    /// Brave.
    Brave,
    /// Microsoft Edge.
    Edge,
    /// Chromium.
    Chromium,
    /// A program that the config names and whose file name is that of no other kind.
    Custom,
}

impl BrowserKind {
    /// The kinds of browsers that are searched for on the host, in this order.
    const SEARCH_ORDER: [Self; 4] = [Self::Chrome, Self::Brave, Self::Edge, Self::Chromium];

    /// Returns the stable name of a kind of browser, such as `chrome`, as the browser's status document has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Brave => "brave",
            Self::Edge => "edge",
            Self::Chromium => "chromium",
            Self::Custom => "custom",
        }
    }

    /// Returns the name of the product of a kind of browser; that of Chromium's family for a custom one.
    pub(crate) fn product(self) -> &'static str {
        match self {
            Self::Chrome => "Chrome",
            Self::Brave => "Brave",
            Self::Edge => "Edge",
            Self::Chromium | Self::Custom => "Chromium",
        }
    }

    /// Determines the kind of a browser program by its file name.
    pub(super) fn from_path(path: &Path) -> Self {
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

    /// Returns the names of the commands that start a kind of browser, as they are looked for on the search path.
    fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Chrome => &["google-chrome", "google-chrome-stable", "chrome"],
            Self::Brave => &["brave-browser", "brave-browser-stable", "brave"],
            Self::Edge => &["microsoft-edge", "microsoft-edge-stable", "msedge"],
            Self::Chromium => &["chromium", "chromium-browser"],
            Self::Custom => &[],
        }
    }

    /// Returns the paths at which Linux packages install the programs of a kind of browser.
    fn linux_paths(self) -> &'static [&'static str] {
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

    /// Returns the path of a kind of browser below `/Applications` and `~/Applications` on macOS.
    fn mac_path(self) -> &'static str {
        match self {
            Self::Chrome => "Google Chrome.app/Contents/MacOS/Google Chrome",
            Self::Brave => "Brave Browser.app/Contents/MacOS/Brave Browser",
            Self::Edge => "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
            Self::Chromium | Self::Custom => "Chromium.app/Contents/MacOS/Chromium",
        }
    }

    /// Returns the path of a kind of browser below the folders in which Windows installs programs.
    fn windows_path(self) -> &'static str {
        match self {
            Self::Chrome => r"Google\Chrome\Application\chrome.exe",
            Self::Brave => r"BraveSoftware\Brave-Browser\Application\brave.exe",
            Self::Edge => r"Microsoft\Edge\Application\msedge.exe",
            Self::Chromium | Self::Custom => r"Chromium\Application\chrome.exe",
        }
    }
}

/// A browser program on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrowserProgram {
    /// The kind of the browser.
    pub(crate) kind: BrowserKind,
    /// The path of the program.
    pub(crate) path: PathBuf,
}

/// An operating system, which determines where browsers are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OperatingSystem {
    Linux,
    Mac,
    Windows,
}

impl OperatingSystem {
    /// Returns the operating system that this program was built for.
    fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::Mac
        } else {
            Self::Linux
        }
    }
}

/// Returns the kind of the browser that an instance of this host controls where its config names none; `None` where no browser
/// is installed.
pub(crate) fn installed_kind(host: &Host, home: &Path) -> Option<BrowserKind> {
    find_browser(host, home).map(|program| program.kind)
}

/// Returns the first browser of this host in the order of docs/openclaw.md#browser-discovery: the desktop's default,
/// then Chrome, Brave, Edge, Chromium.
pub(super) fn find_browser(host: &Host, home: &Path) -> Option<BrowserProgram> {
    let system = OperatingSystem::current();
    let default = if system == OperatingSystem::Linux {
        desktop_default(host, home)
    } else {
        None
    };
    candidates(system, default, host, home)
        .into_iter()
        .find(|program| program.path.is_file())
}

/// Returns the paths at which browser programs may be installed, in search order. `first` is the kind that is
/// searched for first.
fn candidates(
    system: OperatingSystem,
    first: Option<BrowserKind>,
    host: &Host,
    home: &Path,
) -> Vec<BrowserProgram> {
    let others = BrowserKind::SEARCH_ORDER
        .into_iter()
        .filter(|kind| Some(*kind) != first);
    let mut all = Vec::new();
    for kind in first.into_iter().chain(others) {
        let mut add = |path: PathBuf| all.push(BrowserProgram { kind, path });
        let search = host.var("PATH").unwrap_or_default();
        let folders = search.split(if system == OperatingSystem::Windows {
            ';'
        } else {
            ':'
        });
        for folder in folders.map(Path::new).filter(|folder| folder.is_absolute()) {
            for command in kind.commands() {
                add(folder.join(command));
                if system == OperatingSystem::Windows {
                    add(folder.join(format!("{command}.exe")));
                }
            }
        }
        match system {
            OperatingSystem::Linux => kind.linux_paths().iter().for_each(|path| add(path.into())),
            OperatingSystem::Mac => {
                let folders = [PathBuf::from("/Applications"), home.join("Applications")];
                for folder in &folders {
                    add(folder.join(kind.mac_path()));
                }
            }
            OperatingSystem::Windows => {
                let vars = ["LOCALAPPDATA", "PROGRAMFILES", "PROGRAMFILES(X86)"];
                let folders = vars.iter().filter_map(|name| host.var(name));
                folders.for_each(|folder| add(Path::new(folder).join(kind.windows_path())));
            }
        }
    }
    all
}

/// Returns the kind of the browser with which a Linux desktop opens web pages. It is read from the desktop's own file,
/// so that no program has to be run.
fn desktop_default(host: &Host, home: &Path) -> Option<BrowserKind> {
    let config = host
        .var("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| home.join(".config"));
    parse_default_browser(&read::text(&config.join("mimeapps.list")).ok()?)
}

/// Returns the kind of the browser in the section `[Default Applications]` of a `mimeapps.list`. `None` for a browser
/// of another kind.
fn parse_default_browser(text: &str) -> Option<BrowserKind> {
    let section = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[Default Applications]");
    let mut lines = section.skip(1).take_while(|line| !line.starts_with('['));
    let apps = lines.find_map(|line| line.strip_prefix("x-scheme-handler/http="))?;
    let kind = BrowserKind::from_path(Path::new(apps.split(';').next()?.trim()));
    (kind != BrowserKind::Custom).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(system: OperatingSystem, first: Option<BrowserKind>, vars: &[(&str, &str)]) -> Vec<String> {
        let host = Host::fixed(&[], vars.iter().copied());
        let found = candidates(system, first, &host, Path::new("/home/a"));
        found
            .into_iter()
            .map(|program| program.path.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn default_browser_is_searched_first_and_the_search_path_before_install_paths() {
        let all = paths(
            OperatingSystem::Linux,
            Some(BrowserKind::Chromium),
            &[("PATH", "/x::rel:/y")],
        );
        let at = |wanted: &str| all.iter().position(|path| path == wanted).unwrap();
        assert_eq!(at("/x/chromium"), 0);
        assert!(at("/y/chromium") < at("/snap/bin/chromium"));
        assert!(at("/snap/bin/chromium") < at("/x/google-chrome"));
        assert!(at("/usr/bin/google-chrome") < at("/x/brave"));
        assert!(at("/usr/bin/brave-browser") < at("/usr/bin/microsoft-edge"));
        assert!(all.iter().all(|path| path.starts_with('/')), "{all:?}");
    }

    #[test]
    fn each_operating_system_has_install_paths() {
        let mac = paths(OperatingSystem::Mac, None, &[]);
        assert!(mac[0].starts_with("/Applications/Google Chrome.app"));
        assert!(
            mac.iter()
                .any(|p| p.starts_with("/home/a/Applications/Chromium.app"))
        );
        let windows = paths(OperatingSystem::Windows, None, &[("PROGRAMFILES", "/pf")]);
        assert!(windows.iter().any(|p| p.ends_with("msedge.exe")), "{windows:?}");
    }

    #[test]
    fn kind_is_determined_by_the_file_name() {
        for (path, kind) in [
            ("/usr/bin/chromium", BrowserKind::Chromium),
            ("/a/Google Chrome", BrowserKind::Chrome),
            ("/a/msedge.exe", BrowserKind::Edge),
            ("/snap/bin/brave", BrowserKind::Brave),
            ("/a/thorium", BrowserKind::Custom),
        ] {
            assert_eq!(BrowserKind::from_path(Path::new(path)), kind, "{path}");
        }
    }

    #[test]
    fn default_browser_is_parsed_from_the_default_applications_only() {
        let text = "[Added Associations]\nx-scheme-handler/http=brave.desktop\n\
                    [Default Applications]\nx-scheme-handler/http=microsoft-edge.desktop;x.desktop;\n";
        assert_eq!(parse_default_browser(text), Some(BrowserKind::Edge));
        assert_eq!(
            parse_default_browser("[Default Applications]\nx-scheme-handler/http=firefox.desktop"),
            None
        );
        assert_eq!(parse_default_browser(""), None);
    }
}
