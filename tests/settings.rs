//! Pipelines written down as JSON and built again.

mod common;

use common::{PLAIN, Shape, csv};
use losslaw::codec::{Bins, Delta, Denoise, Dictionary, Huffman, Lz77, Lz77Effort, Plan, Rans, Registry, Then};
use losslaw::model::Model;
use losslaw::partition::Whole;
use losslaw::prune::{L1, NofM, Threshold, TopK};
use losslaw::settings::Settings;
use losslaw::tree::{C45, Id3, Mdl};
use losslaw::{Catalogue, Effort, Error, Pipeline, PipelineBuilder, PipelineConfig, Report};

fn plans() -> Vec<Plan> {
    vec![
        Delta::new(2).unwrap().then(Rans { lanes: Some(8) }),
        Plan::new(Dictionary, [Plan::from(Huffman::default()), Denoise::new(0.75).unwrap().into()]),
        Bins::new(17).unwrap().then(Huffman::default()),
        Lz77 { effort: Lz77Effort::Fast }.each(Rans::default()),
    ]
}

#[test]
fn a_pipeline_that_went_through_json_writes_the_same_bytes() {
    let table = csv(&[Shape::Integers, Shape::Function, Shape::Walk, Shape::Text], 700, PLAIN, 5);
    let mut pipelines: Vec<PipelineBuilder> = plans().into_iter().map(|plan| Pipeline::builder().codec(plan)).collect();
    pipelines.push(Pipeline::builder().partitioner(C45 { min_leaf: 40, ..C45::default() }));
    pipelines.push(Pipeline::builder().partitioner(Id3 { max_leaves: 5, ..Id3::default() }).one_tree(true));
    pipelines.push(Pipeline::builder().partitioner(Mdl { split_bits: 90, ..Mdl::default() }).block_rows(300));
    pipelines.push(Pipeline::builder().partitioner(Whole).verify(false).threads(3).effort(Effort::Fast));
    for pipeline in pipelines.into_iter().map(|builder| builder.build().unwrap()) {
        let config = pipeline.config().unwrap();
        let read = PipelineConfig::from_json(&config.to_json()).unwrap();
        assert_eq!(read, config);
        let again = read.build(&Catalogue::default()).unwrap();
        assert!(again.compress(&table).unwrap().bytes == pipeline.compress(&table).unwrap().bytes, "{pipeline:?}");
    }
}

#[test]
fn a_pruner_that_went_through_json_prunes_the_same_weights() {
    let values: Vec<f32> = (0..900).map(|i| ((i * 37 % 101) as f32 - 50.0) / 9.0).collect();
    let model = Model::builder().f32("w", &[30, 30], &values).unwrap().build().unwrap();
    let pipelines = [
        Pipeline::builder().pruner(Threshold::deviations(0.7).unwrap()),
        Pipeline::builder().pruner(L1::share(0.2).unwrap()),
        Pipeline::builder().pruner(TopK::new(0.4).unwrap()),
        Pipeline::builder().pruner(NofM::new(1, 4).unwrap()),
    ];
    for pipeline in pipelines.map(|builder| builder.build().unwrap()) {
        let json = pipeline.config().unwrap().to_json();
        let again = PipelineConfig::from_json(&json).unwrap().build(&Catalogue::default()).unwrap();
        assert!(
            again.compress_model(&model).unwrap().bytes == pipeline.compress_model(&model).unwrap().bytes,
            "{json}"
        );
    }
    let too_much = r#"{"pruner":{"name":"TopK","settings":{"share":1.5}}}"#;
    assert!(PipelineConfig::from_json(too_much).unwrap().build(&Catalogue::default()).is_err());
}

#[test]
fn every_codec_can_be_written_down_and_refuses_fields_it_does_not_know() {
    for codec in Registry::default().iter() {
        let settings = codec.settings().unwrap();
        assert_eq!(format!("{:?}", codec.configured(&settings).unwrap()), format!("{codec:?}"));
        let typo: Settings = r#"{"no such field":1}"#.parse().unwrap();
        assert!(matches!(codec.configured(&typo), Err(Error::Settings { .. })), "{codec:?}");
    }
}

#[test]
fn values_outside_a_range_are_refused_as_by_the_constructors() {
    for (name, settings) in [
        ("Delta", r#"{"order":3}"#),
        ("Bins", r#"{"max_bins":0}"#),
        ("Denoise", r#"{"keep":1.5}"#),
        ("Rans", r#"{"lanes":3}"#),
    ] {
        let refused = Catalogue::default().codec(name, &settings.parse().unwrap());
        assert!(matches!(refused, Err(Error::InvalidConfig { .. })), "{name} took {settings}");
    }
    let endless = r#"{"partitioner":{"name":"C45","settings":{"pessimism":1e999}}}"#;
    assert!(PipelineConfig::from_json(endless).and_then(|config| config.build(&Catalogue::default())).is_err());
}

#[test]
fn json_that_is_no_pipeline_says_where_and_why() {
    let catalogue = Catalogue::default();
    for (json, why) in [
        ("{", "line 1"),
        (r#"{"thread":1}"#, "unknown field `thread`"),
        (r#"{"block_rows":0}"#, "block_rows = 0"),
        (r#"{"plan":{"codec":"Lzma"}}"#, "codec = Lzma"),
        (r#"{"plan":{"codec":"Rans","settings":{"lane":1}}}"#, "settings of Rans"),
        (r#"{"plan":{"codec":"Store","children":[{"codec":"Store"}]}}"#, "at most one plan for each child"),
        (r#"{"partitioner":{"name":"Cart"}}"#, "partitioner = Cart"),
        (r#"{"effort":"huge"}"#, "unknown variant `huge`"),
    ] {
        let error = PipelineConfig::from_json(json).and_then(|config| config.build(&catalogue)).unwrap_err();
        assert!(error.to_string().contains(why), "{json}: {error}");
    }
}

#[test]
fn a_report_returns_from_json_and_refuses_fields_it_does_not_know() {
    let packed = Pipeline::builder().build().unwrap().compress(b"a,b\n1,2\n3,4\n").unwrap();
    let json = serde_json::to_string(&packed.report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), packed.report);
    assert!(serde_json::from_str::<Report>(&json.replacen('{', r#"{"extra":1,"#, 1)).is_err());
}
