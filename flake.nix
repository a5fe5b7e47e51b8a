{
  description = "Several isolated OpenClaw gateways on one host";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      manifest = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package;
      name = manifest.metadata.packages.name;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      package =
        pkgs:
        pkgs.rustPlatform.buildRustPackage {
          pname = name;
          version = manifest.version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          buildType = "dist";
          # The tests start gateways, browsers and service managers.
          doCheck = false;
          env = nixpkgs.lib.optionalAttrs (self ? rev) { SOURCE_COMMIT = self.rev; };
          postInstall = ''
            mv $out/bin/openclaw $out/bin/${name}
            mkdir -p $out/share/${name} $out/share/man/man1 $out/share/man/tr/man1 home
            echo nix > $out/share/${name}/install-method
            export HOME=$PWD/home PATH=$out/bin:$PATH
            ${name} --lang en man --dir $out/share/man/man1
            ${name} --lang tr man --dir $out/share/man/tr/man1
            mkdir -p $out/share/bash-completion/completions $out/share/zsh/site-functions $out/share/fish/vendor_completions.d
            ${name} completions bash > $out/share/bash-completion/completions/${name}
            ${name} completions zsh > $out/share/zsh/site-functions/_${name}
            ${name} completions fish > $out/share/fish/vendor_completions.d/${name}.fish
          '';
          meta = {
            inherit (manifest) description;
            license = nixpkgs.lib.licenses.mit;
            mainProgram = name;
          };
        };
    in
    {
      packages = nixpkgs.lib.genAttrs systems (system: {
        default = package nixpkgs.legacyPackages.${system};
      });
    };
}
