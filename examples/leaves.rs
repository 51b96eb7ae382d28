//! Looks into the trees: `cargo run --release --example leaves`.

use losslaw::partition::{Partition, Partitioner, Target};
use losslaw::table::{ColumnSchema, Kind, Table};
use losslaw::tree::criterion::{BIT, code_length};
use losslaw::tree::{Feature, Frame, Mdl, Tree, TreeNode};

fn main() -> losslaw::Result<()> {
    let table = Table::from_csv(parcels().as_bytes())?;
    let frame = table.frame();
    for (target, column) in frame.columns().iter().enumerate().skip(2) {
        let earlier: Vec<Feature> = (0..target as u32).map(Feature::Column).collect();
        let together = bits(&frame, target, &(0..frame.rows() as u32).collect::<Vec<_>>());
        println!("{}: {together:.0} bits with all rows together", column.name);
        match Mdl::default().partition(&frame, Target::Column(target), &earlier)? {
            Partition::Tree(tree) => show(&tree, &table, &frame, target),
            _ => println!("  no question pays for itself"),
        }
    }
    Ok(())
}

/// Prints a tree, a branch deeper than its parent by two spaces.
fn show(tree: &Tree, table: &Table, frame: &Frame<'_>, target: usize) {
    let groups = tree.groups(|c| &*frame.columns()[c as usize].ordinals, frame.rows());
    let mut sum = 0.0;
    // Nodes still to be shown, the next one on top, with the depth of each and the answer that leads to it.
    let mut open = vec![(0usize, 1usize, "")];
    while let Some((index, depth, answer)) = open.pop() {
        let node = &tree.nodes()[index];
        let indent = "  ".repeat(depth);
        if let TreeNode::Leaf { leaf } = node {
            let rows = groups.members(*leaf as usize);
            let cost = bits(frame, target, rows);
            sum += cost;
            println!("{indent}{answer}leaf {leaf}: {} rows, {cost:.0} bits", rows.len());
        }
        let Some((feature, children)) = node.split() else { continue };
        let asked = &table.columns()[tree.features()[feature as usize].feature.newest_column() as usize];
        let question = match node {
            TreeNode::Threshold { at, .. } => format!("at most {}", text(asked, *at)),
            TreeNode::ValueSet { values, .. } => values.iter().map(|&v| text(asked, v)).collect::<Vec<_>>().join("|"),
            _ => unreachable!("this learner asks questions of two answers"),
        };
        println!("{indent}{answer}{}: {question}?", asked.name);
        // The first answer is shown first, so it goes on top.
        open.extend(children.iter().zip(["yes → ", "no → "]).rev().map(|(&c, a)| (c as usize, depth + 1, a)));
    }
    println!("  {} leaves, {sum:.0} bits in all, without the tree", tree.leaves());
}

/// What an ordinal stands for.
fn text(column: &ColumnSchema, ordinal: u64) -> String {
    match &column.kind {
        Kind::Categorical { entries } => String::from_utf8_lossy(entries.get(ordinal as usize).unwrap_or(b"?")).into(),
        Kind::Number(number) => (number.min() + ordinal as i64 - column.first_value() as i64).to_string(),
        _ => format!("ordinal {ordinal}"),
    }
}

/// Bits of an ideal code for the target in these rows.
fn bits(frame: &Frame<'_>, target: usize, rows: &[u32]) -> f64 {
    let ordinals = frame.columns()[target].ordinals.to_u64s();
    let mut counts = vec![0u32; ordinals.iter().max().map_or(0, |&top| top as usize + 1)];
    rows.iter().for_each(|&row| counts[ordinals[row as usize] as usize] += 1);
    code_length(&counts) as f64 / BIT as f64
}

/// Parcels whose carrier follows from weight and country, and whose days follow from the carrier, nearly always.
fn parcels() -> String {
    let rows = (0..2000u32).map(|i| {
        let mixed = i.wrapping_mul(2_654_435_761) >> 8;
        let (weight, country) = (1 + mixed % 40, ["FR", "NO", "US"][(mixed / 40 % 3) as usize]);
        let carrier = if weight > 30 { "truck" } else { ["post", "post", "air"][(mixed / 40 % 3) as usize] };
        let days = u32::from(mixed / 120 % 16 == 0) + if carrier == "air" { 2 } else { 4 + mixed / 2000 % 2 };
        format!("{weight},{country},{carrier},{days}\n")
    });
    std::iter::once("weight,country,carrier,days\n".to_owned()).chain(rows).collect()
}
