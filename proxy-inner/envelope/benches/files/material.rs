//! Keys, and contents of the kinds that partners exchange.

use std::f32::consts::TAU;
use std::fs;
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};

/// A signer and a recipient.
pub(crate) fn keys(folder: &Path) {
    for name in ["signer", "recipient"] {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new([format!("{name}.example")])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let at = |ending: &str| folder.join(format!("{name}.{ending}"));
        fs::write(at("pem"), certificate.pem()).unwrap();
        fs::write(at("cer"), certificate.der()).unwrap();
        fs::write(at("key"), key.serialize_pem()).unwrap();
        fs::write(at("p8"), key.serialize_der()).unwrap();
    }
}

/// Delivery schedules in EDIFACT.
pub(crate) fn edi(octets: usize) -> Vec<u8> {
    let mut draw = Draw(1);
    let mut text = Vec::with_capacity(octets + 400);
    let mut number = 1;
    while text.len() < octets {
        let part = draw.below(40_000);
        let day = 1 + draw.below(28);
        let month = 1 + draw.below(12);
        let schedule = format!(
            "UNH+{number:06}+DELFOR:D:96A:UN:A09051'\nBGM+241+{}+5'\nDTM+137:2026{month:02}{day:02}:102'\n\
             LIN+{}++{part:05}-{:03}-{:02}:IN'\nPIA+1+{:08}:SA'\nLOC+11+{:04}:92'\n",
            draw.below(10_000_000),
            1 + draw.below(99),
            draw.below(1_000),
            draw.below(100),
            part * 977,
            draw.below(300),
        );
        text.extend_from_slice(schedule.as_bytes());
        for _ in 0..draw.below(12) {
            let line = format!(
                "QTY+113:{}:PCE'\nSCC+{}'\nDTM+2:2026{:02}{:02}:102'\n",
                draw.below(5_000),
                1 + draw.below(4),
                1 + draw.below(12),
                1 + draw.below(28)
            );
            text.extend_from_slice(line.as_bytes());
        }
        number += 1;
    }
    text.truncate(octets);
    text
}

/// Triangles of a curved surface as binary STL has them: a normal, three corners, two octets.
pub(crate) fn cad(octets: usize) -> Vec<u8> {
    const ACROSS: usize = 2_000;
    let corner = |row: usize, column: usize| {
        let (u, v) = (row as f32 / 500.0, column as f32 / ACROSS as f32);
        let radius = 80.0 + 12.0 * (u * TAU * 0.3).sin() + 3.0 * (v * TAU * 5.0).cos();
        [radius * (v * TAU).cos(), radius * (v * TAU).sin(), u * 40.0]
    };
    let mut mesh = vec![0; 84];
    mesh.reserve(octets + 200);
    for place in 0.. {
        if mesh.len() >= octets {
            break;
        }
        let (row, column) = (place / ACROSS, place % ACROSS);
        let square = [
            corner(row, column),
            corner(row, column + 1),
            corner(row + 1, column),
            corner(row + 1, column + 1),
        ];
        for corners in [[0, 1, 2], [2, 1, 3]] {
            let [a, b, c] = corners.map(|corner: usize| square[corner]);
            for number in normal(a, b, c).iter().chain(&a).chain(&b).chain(&c) {
                mesh.extend_from_slice(&number.to_le_bytes());
            }
            mesh.extend_from_slice(&[0, 0]);
        }
    }
    mesh.truncate(octets);
    mesh
}

fn normal(a: [f32; 3], b: [f32; 3], c: [f32; 3]) -> [f32; 3] {
    let along = |to: [f32; 3]| [to[0] - a[0], to[1] - a[1], to[2] - a[2]];
    let (p, q) = (along(b), along(c));
    let cross = [
        p[1] * q[2] - p[2] * q[1],
        p[2] * q[0] - p[0] * q[2],
        p[0] * q[1] - p[1] * q[0],
    ];
    let length = cross.iter().map(|part| part * part).sum::<f32>().sqrt();
    cross.map(|part| part / length)
}

/// What is compressed or encrypted already.
pub(crate) fn random(octets: usize) -> Vec<u8> {
    let mut content = vec![0; octets];
    crypto::random(&mut content).unwrap();
    content
}

/// The same numbers each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}
