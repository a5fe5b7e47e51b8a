//! The container engines for which manifests are written.

/// The container engine for which a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ManifestFormat {
    /// A `compose.yaml` for Docker Compose.
    Compose,
    /// Units for Podman's generator of systemd services.
    Quadlet,
    /// Objects of Kubernetes with a `kustomization.yaml`.
    Kubernetes,
}

impl ManifestFormat {
    /// Returns the stable name of a manifest's format, for flags and `--json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Quadlet => "quadlet",
            Self::Kubernetes => "kubernetes",
        }
    }
}
