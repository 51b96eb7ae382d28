//! What documents quote is what the sources say.

use std::fs;
use std::path::Path;

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn listings_about_ones_own_parts_stand_in_the_consumer_package() {
    let text = read("docs/CODECS.md");
    let mut listings = 0;
    for listing in text.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
        let (first, code) = listing.split_once('\n').unwrap();
        let path = first.strip_prefix("// ").expect("a listing begins with the file it comes from");
        assert!(read(path).contains(code), "{path} does not hold:\n{code}");
        listings += 1;
    }
    assert!(listings > 4, "the listings were not found");
}
