//! A network of one hidden layer, trained by gradient descent, that the examples `model` and `prune` share.

use losslaw::model::{Model, ModelBuilder};
use ndarray::{Array1, Array2, Axis};

/// Units of the hidden layer.
pub const HIDDEN: usize = 24;

/// Weights and biases of both layers: a unit is tanh of a sum, the answer the sign of another.
#[derive(Debug, Clone)]
pub struct Network {
    pub first: Array2<f32>,
    pub first_bias: Array1<f32>,
    pub second: Array1<f32>,
    pub second_bias: f32,
}

impl Network {
    /// Small weights from a seed.
    pub fn new(inputs: usize, mut seed: u32) -> Self {
        let mut next = move || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        Self {
            first: Array2::from_shape_simple_fn((HIDDEN, inputs), || next() * 0.4),
            first_bias: Array1::zeros(HIDDEN),
            second: Array1::from_shape_simple_fn(HIDDEN, || next() * 0.4),
            second_bias: 0.0,
        }
    }

    fn hidden(&self, rows: &Array2<f32>) -> Array2<f32> {
        (rows.dot(&self.first.t()) + &self.first_bias).mapv(f32::tanh)
    }

    /// Lowers the logistic loss by steps with momentum. Weights that are 0 in `mask`, which has the shape of both layers,
    /// stay 0.
    pub fn train(&mut self, rows: &Array2<f32>, is_good: &Array1<bool>, steps: usize, mask: &Self) {
        let wanted = is_good.mapv(|good| f32::from(u8::from(good)));
        let all = rows.nrows() as f32;
        let mut speed = Self { first: &self.first * 0.0, second: &self.second * 0.0, ..Self::new(1, 0) };
        for _ in 0..steps {
            let hidden = self.hidden(rows);
            let answer = (hidden.dot(&self.second) + self.second_bias).mapv(|sum| 1.0 / (1.0 + (-sum).exp()));
            let off = (answer - &wanted) / all;
            let back = off.view().insert_axis(Axis(1)).dot(&self.second.view().insert_axis(Axis(0)))
                * hidden.mapv(|unit| 1.0 - unit * unit);
            speed.first = speed.first * 0.9 - back.t().dot(rows);
            speed.first_bias = speed.first_bias * 0.9 - back.sum_axis(Axis(0));
            speed.second = speed.second * 0.9 - hidden.t().dot(&off);
            speed.second_bias = speed.second_bias * 0.9 - off.sum();
            self.first = (&self.first + &speed.first * 0.1) * &mask.first;
            self.first_bias += &(&speed.first_bias * 0.1);
            self.second = (&self.second + &speed.second * 0.1) * &mask.second;
            self.second_bias += speed.second_bias * 0.1;
        }
    }

    /// 1 where a weight is not 0.
    pub fn mask(&self) -> Self {
        let kept = |weight: &f32| f32::from(u8::from(*weight != 0.0));
        Self { first: self.first.map(kept), second: self.second.map(kept), ..self.clone() }
    }

    /// The share of rows that it tells right.
    pub fn accuracy(&self, rows: &Array2<f32>, is_good: &Array1<bool>) -> f64 {
        let sums = self.hidden(rows).dot(&self.second) + self.second_bias;
        let right = sums.iter().zip(is_good).filter(|(sum, good)| (**sum > 0.0) == **good).count();
        right as f64 / rows.nrows() as f64
    }

    /// The network as a model.
    pub fn to_model(&self) -> losslaw::Result<Model<'static>> {
        let (first, second) = (self.first.as_standard_layout(), &self.second);
        Model::builder()
            .f32("first.weight", &[HIDDEN, self.first.ncols()], first.as_slice().unwrap_or_default())
            .and_then(|model| model.f32("first.bias", &[HIDDEN], self.first_bias.as_slice().unwrap_or_default()))
            .and_then(|model| model.f32("second.weight", &[1, HIDDEN], second.as_slice().unwrap_or_default()))
            .and_then(|model| model.f32("second.bias", &[1], &[self.second_bias]))
            .and_then(ModelBuilder::build)
    }

    /// The network of a model that [`Network::to_model`] made.
    pub fn from_model(model: &Model<'_>) -> Result<Self, Box<dyn std::error::Error>> {
        let tensor = |name: &str| -> Result<Vec<f32>, Box<dyn std::error::Error>> {
            let tensor = model.tensor(name).ok_or("a tensor is missing")?;
            Ok(tensor.to_f64s()?.into_iter().map(|weight| weight as f32).collect())
        };
        let first = tensor("first.weight")?;
        Ok(Self {
            first: Array2::from_shape_vec((HIDDEN, first.len() / HIDDEN), first)?,
            first_bias: tensor("first.bias")?.into(),
            second: tensor("second.weight")?.into(),
            second_bias: tensor("second.bias")?[0],
        })
    }
}

/// Rows whose columns have mean 0 and deviation 1, and which of them are good, parted by whether they are a fifth row.
pub type Part = (Array2<f32>, Array1<bool>);

/// Red wines by eleven chemical tests, good if tasters gave more than five points of ten: four fifths to learn from, and
/// the rest.
pub fn wines() -> (Part, Part) {
    let wines = linfa_datasets::winequality();
    let mut tests = wines.records.mapv(|test| test as f32);
    for mut column in tests.columns_mut() {
        let (mean, deviation) = (column.mean().unwrap_or(0.0), column.std(0.0));
        column.mapv_inplace(|test| (test - mean) / deviation);
    }
    let is_good = wines.targets.mapv(|points| points > 5);
    let part = |is_fifth: bool| {
        let rows: Vec<usize> = (0..tests.nrows()).filter(|row| row.is_multiple_of(5) == is_fifth).collect();
        (tests.select(Axis(0), &rows), is_good.select(Axis(0), &rows))
    };
    (part(false), part(true))
}
