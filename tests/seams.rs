//! Built-in parts use no entrance that a stranger's cannot: behind a stranger's type they do exactly the same.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{PLAIN, Shape, csv};
use losslaw::codec::{Block, Codec, CodecId, Encoded, Groups, Plan, Registry, Shared};
use losslaw::model::{Model, TensorView};
use losslaw::partition::{Partition, Partitioner, Target, Whole};
use losslaw::prune::{Cut, L1, Lines, NofM, Pruned, Pruner, Scope, Shrinkage, Structured, Threshold, TopK};
use losslaw::tree::{C45, Feature, Frame, Id3, Mdl, Tree, TreeFeature, TreeNode};
use losslaw::{Budget, Decoder, Error, Lane, Packed, Pipeline, Result};

/// A codec of this crate as another crate would have it: nothing but the public trait, under an id of its own.
#[derive(Debug)]
struct Stranger(Arc<dyn Codec>);

impl Codec for Stranger {
    fn id(&self) -> CodecId {
        CodecId(self.0.id().0 + CodecId::FIRST_USER.0)
    }
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn arity(&self) -> usize {
        self.0.arity()
    }
    fn encode(&self, input: &Lane) -> Result<Encoded> {
        self.0.encode(input)
    }
    fn decode(&self, params: &[u8], children: Vec<Lane>, budget: &mut Budget) -> Result<Lane> {
        self.0.decode(params, children, budget)
    }
    fn carries_groups(&self) -> bool {
        self.0.carries_groups()
    }
    fn ignores_groups(&self) -> bool {
        self.0.ignores_groups()
    }
    fn learn(&self, blocks: &[Block]) -> Result<Vec<u8>> {
        self.0.learn(blocks)
    }
    fn encode_grouped(&self, input: &Lane, groups: &Groups, shared: &[u8]) -> Result<Encoded> {
        self.0.encode_grouped(input, groups, shared)
    }
    fn decode_grouped(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        groups: &Groups,
        shared: &[u8],
        budget: &mut Budget,
    ) -> Result<Lane> {
        self.0.decode_grouped(params, children, groups, shared, budget)
    }
    fn encode_block(&self, input: &Lane, groups: &Groups, shared: &Shared) -> Result<Encoded> {
        self.0.encode_block(input, groups, shared)
    }
    fn decode_block(
        &self,
        params: &[u8],
        children: Vec<Lane>,
        groups: &Groups,
        shared: &Shared,
        budget: &mut Budget,
    ) -> Result<Lane> {
        self.0.decode_block(params, children, groups, shared, budget)
    }
}

/// The same of a partitioner.
#[derive(Debug)]
struct StrangePartitioner<P>(P);

impl<P: Partitioner> Partitioner for StrangePartitioner<P> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn partition(&self, frame: &Frame<'_>, target: Target<'_>, features: &[Feature]) -> Result<Partition> {
        self.0.partition(frame, target, features)
    }
}

fn table() -> Vec<u8> {
    csv(&[Shape::Integers, Shape::Categories, Shape::Function, Shape::Temporal], 900, PLAIN, 11)
}

/// What a report says besides bytes and time.
fn account(packed: &Packed) -> Vec<(String, String, u64, Vec<String>)> {
    let column = |c: &losslaw::ColumnReport| (c.kind.clone(), c.plan.clone(), c.leaves, c.asks.clone());
    packed.report.columns.iter().map(column).collect()
}

#[test]
fn a_built_in_codec_behind_a_strangers_type_does_the_same() {
    let table = table();
    for codec in Registry::default().iter() {
        let strange = || Plan::from_arc(Arc::new(Stranger(codec.clone())), []);
        let [ours, theirs] = [Plan::from_arc(codec.clone(), []), strange()]
            .map(|plan| Pipeline::builder().codec(plan).partitioner(C45::default()).build().unwrap().compress(&table));
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (Err(Error::Unsuitable { .. }), Err(Error::Unsuitable { .. })) => continue,
            (ours, theirs) => panic!("{codec:?}: {:?} but {:?}", ours.err(), theirs.err()),
        };
        assert_eq!(account(&ours), account(&theirs), "{codec:?}");
        // An id of the users' range is three bytes instead of one, in one node for each column of the one block.
        for (ours, theirs) in ours.report.columns.iter().zip(&theirs.report.columns) {
            assert_eq!(ours.bytes + 2, theirs.bytes, "{codec:?}, {}", ours.name);
        }
        let mut registry = Registry::default();
        registry.add(Stranger(codec.clone())).unwrap();
        let decoder = Decoder::default().with_registry(registry);
        assert!(decoder.decompress(&theirs.bytes).unwrap() == table, "{codec:?}");
        assert!(matches!(losslaw::decompress(&theirs.bytes), Err(Error::UnknownCodec(id)) if id >= 0x8000));
    }
}

#[test]
fn a_built_in_partitioner_behind_a_strangers_type_writes_the_same_bytes() {
    fn same(partitioner: &(impl Partitioner + Clone + 'static)) {
        for one_tree in [false, true] {
            let ours = Pipeline::builder().one_tree(one_tree).partitioner(partitioner.clone()).build().unwrap();
            let theirs = Pipeline::builder().one_tree(one_tree).partitioner(StrangePartitioner(partitioner.clone()));
            let [ours, theirs] = [ours, theirs.build().unwrap()].map(|how| how.compress(&table()).unwrap());
            assert!(ours.bytes == theirs.bytes, "{partitioner:?}");
        }
    }
    same(&Whole);
    same(&Id3::default());
    same(&C45::default());
    same(&Mdl::default());
}

/// The same of a pruner.
#[derive(Debug)]
struct StrangePruner<P>(P);

impl<P: Pruner> Pruner for StrangePruner<P> {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn prunes(&self, tensor: TensorView<'_>) -> bool {
        self.0.prunes(tensor)
    }
    fn for_model(&self, tensors: &[TensorView<'_>]) -> Result<Option<Arc<dyn Pruner>>> {
        self.0.for_model(tensors)
    }
    fn prune(&self, tensor: TensorView<'_>) -> Result<Pruned> {
        self.0.prune(tensor)
    }
}

#[test]
fn a_built_in_pruner_behind_a_strangers_type_writes_the_same_bytes() {
    fn same(pruner: &(impl Pruner + Clone + 'static)) {
        let values: Vec<f32> = (0..3000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e7 - 0.8).collect();
        let model = Model::builder().f32("w", &[30, 100], &values).unwrap().f32("v", &[9], &values[70..79]).unwrap();
        let model = model.build().unwrap();
        let ours = Pipeline::builder().pruner(pruner.clone()).build().unwrap();
        let theirs = Pipeline::builder().pruner(StrangePruner(pruner.clone())).build().unwrap();
        let [ours, theirs] = [ours, theirs].map(|how| how.compress_model(&model).unwrap());
        assert!(ours.bytes == theirs.bytes, "{pruner:?}");
        assert_eq!(ours.report.tensors, theirs.report.tensors);
    }
    same(&Threshold { cut: Cut::Deviations(0.5) });
    same(&L1 { shrinkage: Shrinkage::Share(0.3) });
    same(&TopK { share: 0.5, scope: Scope::Tensor });
    same(&TopK { share: 0.5, scope: Scope::Model });
    same(&Structured { share: 0.5, lines: Lines::Columns });
    same(&NofM { n: 2, m: 4 });
}

/// Answers whatever a test wants it to.
#[derive(Debug)]
struct Answers(fn(&Frame<'_>) -> Partition);

impl Partitioner for Answers {
    fn name(&self) -> &'static str {
        "Answers"
    }
    fn partition(&self, frame: &Frame<'_>, _: Target<'_>, _: &[Feature]) -> Result<Partition> {
        Ok((self.0)(frame))
    }
}

/// A tree that asks once.
fn asking(feature: Feature, first_value: u64) -> Partition {
    let root = TreeNode::Threshold { feature: 0, at: 5, missing_low: false, low: 1, high: 2 };
    let nodes = vec![root, TreeNode::Leaf { leaf: 0 }, TreeNode::Leaf { leaf: 1 }];
    Partition::Tree(Tree::new(vec![TreeFeature { feature, first_value }], nodes).unwrap())
}

#[test]
fn an_answer_that_no_decoder_could_follow_is_refused_by_the_partitioners_name() {
    let answers: [fn(&Frame<'_>) -> Partition; 5] = [
        |_| asking(Feature::Column(3), 0),
        |frame| asking(Feature::Column(0), frame.nature(Feature::Column(0)).1 + 1),
        |_| asking(Feature::Column(77), 0),
        |_| Partition::Assigned { leaves: 2, leaf_of_row: Lane::from(vec![0u8, 1]) },
        |frame| Partition::Assigned { leaves: 2, leaf_of_row: Lane::from(vec![2u8; frame.rows()]) },
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        for one_tree in [false, true] {
            let pipeline = Pipeline::builder().partitioner(Answers(answer)).one_tree(one_tree).build().unwrap();
            let refused = pipeline.compress(&table());
            // One tree for all columns may ask for any of them: its leaf numbers are stored.
            if !(one_tree && at == 0) {
                assert!(
                    matches!(&refused, Err(Error::InvalidConfig { field: "partitioner", got, .. }) if got == "Answers"),
                    "answer {at}: {refused:?}"
                );
            }
        }
    }
}

#[test]
fn no_source_asks_which_type_stands_behind_a_trait() {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![];
    files(&source, &mut found);
    assert!(found.len() > 50, "the sources were looked for in the wrong place");
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        // What a codec keeps beside shared bytes has a type of the codec's own, and every codec may keep something.
        if path.ends_with("codec/shared.rs") {
            continue;
        }
        for way in ["downcast", "TypeId", "dyn Any", "as_any", "type_name_of_val"] {
            assert!(!text.contains(way), "{}: {way}", path.display());
        }
        // Wire ids are the codecs' own business: nothing outside their folder may treat one of them differently.
        if !path.starts_with(source.join("codec")) {
            assert!(!text.contains("CodecId::"), "{} knows a codec by its id", path.display());
        }
    }
}
