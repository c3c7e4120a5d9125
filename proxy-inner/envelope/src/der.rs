//! Writing DER: every length definite and as short as it goes.

/// An element with this identifier octet around the parts one after the other.
pub(crate) fn element(identifier: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut octets = Vec::with_capacity(length + 2 + size_of::<usize>());
    octets.push(identifier);
    // No slice is longer than a u64 can say.
    push_length(u64::try_from(length).unwrap_or(u64::MAX), &mut octets);
    for part in parts {
        octets.extend_from_slice(part);
    }
    octets
}

/// A SEQUENCE of the parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts)
}

/// A SET OF the parts, which are put in the order DER wants.
pub(crate) fn set_of(parts: &mut [Vec<u8>]) -> Vec<u8> {
    parts.sort();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    set(&parts)
}

/// A SET of the parts, which must be in order already.
pub(crate) fn set(parts: &[&[u8]]) -> Vec<u8> {
    element(0x31, parts)
}

/// A small INTEGER, 0 to 127.
pub(crate) fn small_integer(value: u8) -> Vec<u8> {
    element(0x02, &[&[value & 0x7f]])
}

/// An OCTET STRING.
pub(crate) fn octet_string(octets: &[u8]) -> Vec<u8> {
    element(0x04, &[octets])
}

/// An OBJECT IDENTIFIER by its content octets.
pub(crate) fn identifier(content: &[u8]) -> Vec<u8> {
    element(0x06, &[content])
}

/// NULL.
pub(crate) fn null() -> Vec<u8> {
    element(0x05, &[])
}

/// Identifier and length octets of an element whose content is written elsewhere.
pub(crate) fn header(identifier: u8, length: u64) -> Vec<u8> {
    let mut octets = Vec::with_capacity(2 + size_of::<u64>());
    octets.push(identifier);
    push_length(length, &mut octets);
    octets
}

fn push_length(length: u64, into: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => into.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let used = octets.iter().skip_while(|octet| **octet == 0);
            // At most the eight octets of a u64.
            into.push(0x80 | u8::try_from(used.clone().count()).unwrap_or(8));
            into.extend(used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_shortest_length() {
        let header = |length: usize| element(0x04, &[&vec![0; length]])[..5].to_vec();
        assert_eq!(header(3), [0x04, 3, 0, 0, 0]);
        assert_eq!(header(127)[..2], [0x04, 127]);
        assert_eq!(header(128)[..3], [0x04, 0x81, 128]);
        assert_eq!(header(256)[..4], [0x04, 0x82, 1, 0]);
        assert_eq!(header(65_536), [0x04, 0x83, 1, 0, 0]);
        assert_eq!(super::header(0x30, 1 << 40), [0x30, 0x86, 1, 0, 0, 0, 0, 0]);
    }
}
