//! For tests and benchmarks: identities, and a client and a server joined in memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::connection::Interrupted;
use super::context::Context;
use super::error::{CallbackError, Error, Result};
use super::method::Method;
use super::pkey::PKey;
use super::region::{Readable, Writable};
use super::secret::Secret;
use super::transport::{Memory, Transport};
use super::x509::Certificate;
use super::{Connection, constants};

/// Nothing to do when a signal arrives.
pub const CALM: Interrupted<'static> = &calm;

fn calm() -> Result<(), CallbackError> {
    Ok(())
}

/// A key and a certificate that it has signed itself, for `localhost`.
pub fn identity() -> (Certificate, PKey) {
    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
    use openssl::x509::{X509, X509Name};

    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = openssl::pkey::PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    // A name of its own, because trusted certificates are found by their names.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_text("CN", &format!("identity {number}")).unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let alternative = SubjectAlternativeName::new()
        .dns("localhost")
        .build(&builder.x509v3_context(None, None))
        .unwrap();
    builder.append_extension(alternative).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    let certificate = builder.build().to_der().unwrap();
    let key = Secret::from(key.private_key_to_der().unwrap());
    (Certificate::from_der(&certificate).unwrap(), PKey::private_from_der(&key).unwrap())
}

/// A context of this method, one of the `*_METHOD` constants.
pub fn context(method: i64) -> Context {
    Context::new(Method::from_number(method).unwrap()).unwrap()
}

/// A server's context with an identity of its own, and a client's that trusts it; both limited to
/// one protocol version, unless it is 0.
pub fn contexts(version: i32) -> (Context, Context) {
    let (certificate, key) = identity();
    let (client, server) = (context(constants::TLS_METHOD), context(constants::TLS_METHOD));
    for context in [&client, &server] {
        context.settings().set_min_version(version).unwrap();
        context.settings().set_max_version(version).unwrap();
    }
    client.settings().set_verify(constants::VERIFY_PEER as i32, None).unwrap();
    client.settings().certificate_store().unwrap().unwrap().add_certificate(&certificate).unwrap();
    server.settings().use_certificate(certificate).unwrap();
    server.settings().use_private_key(key).unwrap();
    (client, server)
}

/// A connection over memory buffers.
pub fn in_memory(context: &Context) -> Connection {
    Connection::new(context, Transport::Memory(Memory::new())).unwrap()
}

/// A client and a server, each with memory buffers.
pub struct Pair {
    /// The client's end.
    pub client: Connection,
    /// The server's end.
    pub server: Connection,
}

impl Pair {
    /// Two ends that have not shaken hands yet.
    pub fn new(client: &Context, server: &Context) -> Self {
        let pair = Self { client: in_memory(client), server: in_memory(server) };
        pair.client.step().set_connect_state().unwrap();
        pair.server.step().set_accept_state().unwrap();
        pair
    }

    /// Carries what either end has written to the other; returns whether there was anything.
    pub fn carry(&self) -> bool {
        let there = carry(&self.client, &self.server);
        let back = carry(&self.server, &self.client);
        there || back
    }

    /// Shakes hands, and carries what follows (tickets). Fails as the first end that fails.
    pub fn handshake(&self) -> Result<()> {
        loop {
            let client = self.client.handshake(CALM);
            self.carry();
            let server = self.server.handshake(CALM);
            self.carry();
            match (client, server) {
                (Ok(()), Ok(())) => return Ok(()),
                (Err(Error::WantRead) | Ok(()), Err(Error::WantRead) | Ok(())) => {}
                (Err(Error::WantRead), Err(error)) | (Err(error), _) | (Ok(()), Err(error)) => {
                    return Err(error);
                }
            }
        }
    }
}

/// Carries what one end has written to another.
pub fn carry(from: &Connection, to: &Connection) -> bool {
    let mut room = [0; 32 * 1024];
    let mut carried = false;
    loop {
        let taken = from.step().take(&Writable::from(&mut room[..]));
        let Ok(count @ 1..) = taken else { return carried };
        to.step().give(Readable::from(&room[..count])).unwrap();
        carried = true;
    }
}

/// Reads what there is, as bytes.
pub fn read(connection: &Connection) -> Result<Vec<u8>> {
    let mut room = vec![0; 32 * 1024];
    let count = connection.read(&Writable::from(&mut room[..]), CALM)?;
    room.truncate(count);
    Ok(room)
}
