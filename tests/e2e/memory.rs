//! Memory stays flat, whatever the size of the file.

use support::{Made, Offer, Partner, World};

const MIB: u64 = 1024 * 1024;
const CEILING_KIB: u64 = 64 * 1024;
/// What a longer transfer may add: when the disk falls behind, up to one stream window of the link
/// (16 MiB) waits in memory, and some pages of the allocator.
const SLACK_KIB: u64 = 24 * 1024;

/// The size of the large file: 256 MiB, or `MEMORY_MIB`.
fn large() -> u64 {
    std::env::var("MEMORY_MIB")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(256)
}

#[test]
fn memory_of_each_half_is_flat_in_the_size_of_the_file() {
    let world = World::new();
    let [small_dmz, small_inner] = peaks_after_sending(&world, 64);
    let [large_dmz, large_inner] = peaks_after_sending(&world, large());

    for (half, small, large) in [
        ("proxy-dmz", small_dmz, large_dmz),
        ("proxy-inner", small_inner, large_inner),
    ] {
        support::say(&format!("{half}: peak {small} KiB, then {large} KiB"));
        assert!(
            large < CEILING_KIB,
            "{half} stays below {CEILING_KIB} KiB, but took {large}"
        );
        assert!(
            large <= small + SLACK_KIB,
            "{half} is flat, but took {small} KiB for 64 MiB and {large} KiB for more"
        );
    }
}

fn peaks_after_sending(world: &World, mib: u64) -> [u64; 2] {
    world.dmz.forget_peak();
    world.inner.half.forget_peak();
    let content = Made::new(mib, mib * MIB);
    let offer = Offer::streaming(&format!("MIB.{mib}"), mib * MIB, content);
    let partner = Partner::of(world).connect(world.public()).expect("TLS");
    let exchange = partner.exchange(vec![offer]).expect("a whole session");
    assert_eq!(exchange.receipts.len(), 1);
    [
        world.dmz.usage().peak_kib,
        world.inner.half.usage().peak_kib,
    ]
}
