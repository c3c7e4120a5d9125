//! Adler-32 (RFC 1950 section 8.2), which a zlib stream ends with.

const MODULUS: u32 = 65_521;
/// Octets after which the sums must be reduced so that they fit: the usual 5552, in whole lanes.
const UNREDUCED: usize = 5_536;
/// Octets that are summed at once.
const LANE: usize = 16;

/// A checksum in the making.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adler {
    sum: u32,
    sum_of_sums: u32,
}

impl Default for Adler {
    fn default() -> Self {
        Self {
            sum: 1,
            sum_of_sums: 0,
        }
    }
}

impl Adler {
    pub(crate) fn update(&mut self, octets: &[u8]) {
        for part in octets.chunks(UNREDUCED) {
            let (lanes, rest) = part.as_chunks::<LANE>();
            for lane in lanes {
                let (sum, weighted) = weigh(lane);
                self.sum_of_sums += self.sum * 16 + weighted;
                self.sum += sum;
            }
            for octet in rest {
                self.sum += u32::from(*octet);
                self.sum_of_sums += self.sum;
            }
            self.sum %= MODULUS;
            self.sum_of_sums %= MODULUS;
        }
    }

    pub(crate) fn finish(self) -> u32 {
        self.sum_of_sums << 16 | self.sum
    }
}

/// The sum of the octets, and with each as often as it is summed up again within the lane.
fn weigh(lane: &[u8; LANE]) -> (u32, u32) {
    let mut sum = 0;
    let mut weighted = 0;
    for (octet, weight) in lane.iter().zip((1..=16).rev()) {
        sum += u32::from(*octet);
        weighted += u32::from(*octet) * weight;
    }
    (sum, weighted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(octets: &[u8], portion: usize) -> u32 {
        let mut adler = Adler::default();
        for portion in octets.chunks(portion) {
            adler.update(portion);
        }
        adler.finish()
    }

    #[test]
    fn sums_what_others_sum() {
        assert_eq!(of(b"", 1), 1);
        assert_eq!(of(b"a", 1), 0x0062_0062);
        assert_eq!(of(b"Wikipedia", 100), 0x11e6_0398);
        // By the definition, with the largest octets there are.
        let octets = vec![0xff; 100_003];
        let (mut sum, mut sum_of_sums) = (1_u64, 0_u64);
        for octet in &octets {
            sum = (sum + u64::from(*octet)) % 65_521;
            sum_of_sums = (sum_of_sums + sum) % 65_521;
        }
        let wanted = u32::try_from(sum_of_sums << 16 | sum).unwrap();
        for portion in [1, 7, 5_536, 5_537, 100_003] {
            assert_eq!(of(&octets, portion), wanted, "{portion}");
        }
    }
}
