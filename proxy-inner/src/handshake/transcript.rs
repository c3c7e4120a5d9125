//! Reads the handshake messages that a TLS 1.2 client signs to prove its certificate (RFC 5246
//! section 7.4.8): everything from ClientHello up to and including ClientKeyExchange.

/// Most octets of handshake messages that are looked at; the longest seen in practice is near 20,000.
const MOST: usize = 65_535;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;
const CLIENT_KEY_EXCHANGE: u8 = 16;
const CERTIFICATE_STATUS: u8 = 22;

/// What a TLS 1.2 handshake says about who took part in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transcript<'a> {
    /// The server's end-entity certificate.
    pub server: &'a [u8],
    /// The client's end-entity certificate.
    pub client: &'a [u8],
}

impl<'a> Transcript<'a> {
    /// Reads the whole of `octets`; the messages must be those of one full handshake with a client
    /// certificate, in their order.
    pub(super) fn read(octets: &'a [u8]) -> Result<Self, &'static str> {
        if octets.len() > MOST {
            return Err("more than 65535 octets of handshake messages");
        }
        let mut messages = Messages(octets);
        messages.next_of(CLIENT_HELLO)?;
        messages.next_of(SERVER_HELLO)?;
        let server = end_entity(messages.next_of(CERTIFICATE)?)?;
        if messages.peek() == Some(CERTIFICATE_STATUS) {
            messages.next_of(CERTIFICATE_STATUS)?;
        }
        messages.next_of(SERVER_KEY_EXCHANGE)?;
        messages.next_of(CERTIFICATE_REQUEST)?;
        messages.next_of(SERVER_HELLO_DONE)?;
        let client = end_entity(messages.next_of(CERTIFICATE)?)?;
        messages.next_of(CLIENT_KEY_EXCHANGE)?;
        if messages.0.is_empty() {
            Ok(Self { server, client })
        } else {
            Err("octets follow the ClientKeyExchange")
        }
    }
}

/// The rest of a sequence of handshake messages: type, three octets of length, body.
struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn next_of(&mut self, wanted: u8) -> Result<&'a [u8], &'static str> {
        const OUT_OF_ORDER: &str = "not the messages of one full handshake in their order";
        let (kind, rest) = self.0.split_first().ok_or(OUT_OF_ORDER)?;
        if *kind != wanted {
            return Err(OUT_OF_ORDER);
        }
        let (body, rest) = vector24(rest)?;
        self.0 = rest;
        Ok(body)
    }
}

/// The first certificate of a Certificate message.
fn end_entity(body: &[u8]) -> Result<&[u8], &'static str> {
    let (list, rest) = vector24(body)?;
    if !rest.is_empty() {
        return Err("octets follow the list of a Certificate message");
    }
    let (first, _) = vector24(list)?;
    Ok(first)
}

/// Octets behind their three octets of length, and what follows them.
fn vector24(octets: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let ([high, middle, low], rest) = octets
        .split_first_chunk::<3>()
        .ok_or("a handshake message ends within its length")?;
    let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
    rest.split_at_checked(length)
        .ok_or("a handshake message is shorter than its length says")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn vector(octets: &[u8]) -> Vec<u8> {
        let length = u32::try_from(octets.len()).unwrap().to_be_bytes();
        [&length[1..], octets].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind], vector(body).as_slice()].concat()
    }

    fn certificate(der: &[u8]) -> Vec<u8> {
        message(CERTIFICATE, &vector(&vector(der)))
    }

    /// The messages of a handshake between these two certificates.
    pub(crate) fn handshake(server: &[u8], client: &[u8], random: u8) -> Vec<u8> {
        [
            message(CLIENT_HELLO, &[random; 40]),
            message(SERVER_HELLO, &[2; 40]),
            certificate(server),
            message(SERVER_KEY_EXCHANGE, &[3; 100]),
            message(CERTIFICATE_REQUEST, &[4; 20]),
            message(SERVER_HELLO_DONE, &[]),
            certificate(client),
            message(CLIENT_KEY_EXCHANGE, &[5; 33]),
        ]
        .concat()
    }

    #[test]
    fn reads_both_certificates_of_a_handshake() {
        let octets = handshake(b"server", b"client", 1);
        let read = Transcript::read(&octets).unwrap();
        assert_eq!(read.server, b"server");
        assert_eq!(read.client, b"client");
    }

    #[test]
    fn refuses_every_cut_and_any_octet_more() {
        let octets = handshake(b"server", b"client", 1);
        for cut in 0..octets.len() {
            assert!(Transcript::read(&octets[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [octets.as_slice(), &[0]].concat();
        assert!(Transcript::read(&longer).is_err());
    }

    #[test]
    fn refuses_a_client_without_certificate() {
        let empty = handshake(b"server", b"client", 1);
        let with = certificate(b"client");
        let without = message(CERTIFICATE, &vector(&[]));
        let at = empty
            .windows(with.len())
            .position(|window| window == with)
            .unwrap();
        let octets = [&empty[..at], &without, &empty[at + with.len()..]].concat();
        assert!(Transcript::read(&octets).is_err());
    }
}
