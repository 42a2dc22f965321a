//! What a context offers and accepts: versions, ciphers, groups, protocols, profiles.

use std::ffi::{CStr, c_int};

use super::Settings;
use super::setting::Setting;
use crate::tls::bio::Bio;
use crate::tls::dh::Parameters;
use crate::tls::error::{Error, Result, library_error};

impl Settings<'_> {
    /// The oldest protocol version to speak; 0 for the oldest that OpenSSL has.
    ///
    /// OpenSSL: `SSL_CTX_set_min_proto_version`.
    #[doc(alias = "SSL_CTX_set_min_proto_version")]
    pub fn set_min_version(&self, version: c_int) -> Result<()> {
        self.apply(Setting::MinVersion(version))
    }

    /// The newest protocol version to speak; 0 for the newest that OpenSSL has.
    ///
    /// OpenSSL: `SSL_CTX_set_max_proto_version`.
    #[doc(alias = "SSL_CTX_set_max_proto_version")]
    pub fn set_max_version(&self, version: c_int) -> Result<()> {
        self.apply(Setting::MaxVersion(version))
    }

    /// The ciphers up to TLS 1.2, in OpenSSL's cipher list format.
    ///
    /// OpenSSL: `SSL_CTX_set_cipher_list`.
    #[doc(alias = "SSL_CTX_set_cipher_list")]
    pub fn set_cipher_list(&self, list: &CStr) -> Result<()> {
        self.apply(Setting::Ciphers(list.into()))
    }

    /// The cipher suites of TLS 1.3, separated by colons.
    ///
    /// OpenSSL: `SSL_CTX_set_ciphersuites`.
    #[doc(alias = "SSL_CTX_set_ciphersuites")]
    pub fn set_ciphersuites(&self, list: &CStr) -> Result<()> {
        self.apply(Setting::Ciphersuites(list.into()))
    }

    /// The protocols that a client offers, most wanted first (RFC 7301). Each name has 1 to 255
    /// bytes.
    ///
    /// OpenSSL: `SSL_CTX_set_alpn_protos`.
    #[doc(alias = "SSL_CTX_set_alpn_protos")]
    pub fn set_alpn_protocols(&self, protocols: &[&[u8]]) -> Result<()> {
        self.apply(Setting::AlpnProtocols(alpn_list(protocols)?))
    }

    /// The SRTP protection profiles to offer or accept (RFC 5764), separated by colons.
    ///
    /// OpenSSL: `SSL_CTX_set_tlsext_use_srtp`.
    #[doc(alias = "SSL_CTX_set_tlsext_use_srtp")]
    pub fn set_srtp_profiles(&self, profiles: &CStr) -> Result<()> {
        self.apply(Setting::SrtpProfiles(profiles.into()))
    }

    /// The parameters of ephemeral Diffie-Hellman key exchange up to TLS 1.2, from a PEM file.
    ///
    /// OpenSSL: `PEM_read_bio_DHparams`, `SSL_CTX_set_tmp_dh`.
    pub fn load_temporary_dh(&self, path: &CStr) -> Result<()> {
        self.check_unused()?;
        let mut file = Bio::open(path, c"r")?;
        match Parameters::read(&mut file) {
            Ok(parameters) => self.set_temporary_dh(Some(parameters)),
            Err(Error::Library(about_the_file)) => {
                about_the_file.put_back();
                self.set_temporary_dh(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The parameters of ephemeral Diffie-Hellman key exchange up to TLS 1.2. Without any, OpenSSL
    /// refuses, in words that are added to those in the error queue.
    ///
    /// OpenSSL: `SSL_CTX_set_tmp_dh`.
    #[doc(alias = "SSL_CTX_set_tmp_dh")]
    pub fn set_temporary_dh(&self, parameters: Option<Parameters>) -> Result<()> {
        match parameters {
            Some(parameters) => self.apply(Setting::TemporaryDh(parameters)),
            None => {
                Setting::refuse_temporary_dh(self.as_ptr());
                Err(library_error())
            }
        }
    }

    /// The only curve of ECDHE key exchange, by its NID. One that TLS has no group for changes
    /// nothing.
    ///
    /// OpenSSL: `SSL_CTX_set_tmp_ecdh`.
    #[doc(alias = "SSL_CTX_set_tmp_ecdh")]
    pub fn set_temporary_curve(&self, nid: c_int) -> Result<()> {
        self.apply(Setting::TemporaryCurve(nid))
    }

    /// The groups of key exchange, most wanted first: their names, separated by colons.
    ///
    /// OpenSSL: `SSL_CTX_set1_groups_list`, once `SSL_CTX_set1_curves_list`.
    #[doc(alias = "SSL_CTX_set1_groups_list")]
    pub fn set_groups(&self, list: &CStr) -> Result<()> {
        self.apply(Setting::Groups(list.into()))
    }

    /// The algorithms of signatures, most wanted first: their names, separated by colons.
    ///
    /// OpenSSL: `SSL_CTX_set1_sigalgs_list`.
    #[doc(alias = "SSL_CTX_set1_sigalgs_list")]
    pub fn set_signature_algorithms(&self, list: &CStr) -> Result<()> {
        self.apply(Setting::SignatureAlgorithms(list.into()))
    }

    /// Whether a client lets a server ask for its certificate after the handshake (RFC 8446,
    /// section 4.6.2).
    ///
    /// OpenSSL: `SSL_CTX_set_post_handshake_auth`.
    #[doc(alias = "SSL_CTX_set_post_handshake_auth")]
    pub fn set_post_handshake_auth(&self, offered: bool) -> Result<()> {
        self.apply(Setting::PostHandshakeAuth(offered))
    }
}

/// The names as ALPN's wire format has them: each behind its length in one byte.
pub(crate) fn alpn_list(protocols: &[&[u8]]) -> Result<Vec<u8>> {
    if protocols.is_empty() {
        return Err(Error::Invalid("at least one protocol must be specified"));
    }
    let mut list = Vec::with_capacity(protocols.iter().map(|name| name.len() + 1).sum());
    for name in protocols {
        let len = u8::try_from(name.len())
            .map_err(|_| Error::Invalid("a protocol name has at most 255 bytes"))?;
        list.push(len);
        list.extend_from_slice(name);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpn_list_puts_each_length_before_its_name() {
        assert_eq!(alpn_list(&[b"h2", b"http/1.1"]).unwrap(), b"\x02h2\x08http/1.1");
        assert!(matches!(alpn_list(&[]), Err(Error::Invalid(_))));
        assert!(matches!(alpn_list(&[&[0; 256]]), Err(Error::Invalid(_))));
        assert_eq!(alpn_list(&[&[7; 255]]).unwrap().len(), 256);
    }
}
