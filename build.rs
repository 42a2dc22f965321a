//! Tells the sources which OpenSSL is linked, and for which Python they are compiled.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(openssl_3_2, openssl_3_3, openssl_compiled_in)");
    // Set by openssl-sys, in hexadecimal: 0xMNN00PP0 for version M.NN.PP.
    let version = env::var("DEP_OPENSSL_VERSION_NUMBER").unwrap_or_default();
    let version = u64::from_str_radix(&version, 16).unwrap_or(0);
    // SSL_get0_group_name came with 3.2.
    if version >= 0x3020_0000 {
        println!("cargo::rustc-cfg=openssl_3_2");
    }
    // X509_STORE_get1_objects came with 3.3.
    if version >= 0x3030_0000 {
        println!("cargo::rustc-cfg=openssl_3_3");
    }
    // Set by openssl-sys when it compiled OpenSSL itself.
    if env::var_os("DEP_OPENSSL_VENDORED").is_some() {
        println!("cargo::rustc-cfg=openssl_compiled_in");
    }
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
}
