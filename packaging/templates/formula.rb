# Made by scripts/release: the checksums are those of this release.
class OpenclawRs < Formula
  desc "@SUMMARY@"
  homepage "@URL@"
  version "@VERSION@"
  license "@LICENCE@"

  on_macos do
    on_arm do
      url "@URL@/@NAME@-@VERSION@-aarch64-apple-darwin.tar.gz"
      sha256 "@SUM-aarch64-apple-darwin@"
    end
    on_intel do
      url "@URL@/@NAME@-@VERSION@-x86_64-apple-darwin.tar.gz"
      sha256 "@SUM-x86_64-apple-darwin@"
    end
  end
  on_linux do
    on_arm do
      url "@URL@/@NAME@-@VERSION@-aarch64-unknown-linux-gnu.tar.gz"
      sha256 "@SUM-aarch64-unknown-linux-gnu@"
    end
    on_intel do
      url "@URL@/@NAME@-@VERSION@-x86_64-unknown-linux-gnu.tar.gz"
      sha256 "@SUM-x86_64-unknown-linux-gnu@"
    end
  end

  def install
    prefix.install "bin", "share"
    (share/"@NAME@/install-method").atomic_write "homebrew\n"
  end

  def caveats
    "The command is @NAME@: openclaw may be OpenClaw from npm."
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/@NAME@ --version")
  end
end
