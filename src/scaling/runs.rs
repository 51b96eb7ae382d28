//! Observations: [`Runs`] of (N, D, loss).

use super::Point;
use crate::{Error, Result};

/// One observation.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Run {
    /// N, the size of the model; 1 where nothing was said.
    pub params: f64,
    /// D, the amount of data; 1 where nothing was said.
    pub data: f64,
    /// U, the data among D that is no repetition; D where nothing was said.
    pub unique: f64,
    /// The loss, for each symbol.
    pub loss: f64,
}

impl Run {
    /// C = `factor`·N·D; the factor 6 counts the operations of one forward and backward pass for each token.
    pub fn compute(&self, factor: f64) -> f64 {
        factor * self.params * self.data
    }

    /// The place in logarithms.
    pub fn point(&self) -> Point {
        Point { log_params: self.params.ln(), log_data: self.data.ln(), log_unique: self.unique.ln() }
    }
}

/// Which columns of a CSV file mean what. A name that is not given is looked for among usual ones.
///
/// ```
/// use losslaw::scaling::{Columns, Runs};
/// let csv = "Model Size,Training FLOP,loss,note\n1e6,6e14,3.5,a\n2e6,6e14,3.25,b\n";
/// let columns = Columns { flops: Some("Training FLOP".into()), ..Columns::default() };
/// let runs = Runs::from_csv(csv.as_bytes(), &columns)?;
/// assert_eq!(runs.runs()[1].data, 5e7, "D = C / 6N");
/// assert_eq!(runs.filter("note", |note| note == "a")?.len(), 1);
/// # Ok::<(), losslaw::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// N.
    pub params: Option<String>,
    /// D.
    pub data: Option<String>,
    /// C; where this is named, D = C / 6N.
    pub flops: Option<String>,
    /// U.
    pub unique: Option<String>,
    /// The loss.
    pub loss: Option<String>,
    /// Rows are read only where these columns hold these texts.
    pub only: Vec<(String, String)>,
}

const PARAMS: &[&str] = &["params", "parameters", "n", "model size", "model_size", "leaves", "contexts"];
const DATA: &[&str] = &["data", "tokens", "d", "rows", "bytes", "examples"];
const FLOPS: &[&str] = &["flops", "flop", "compute", "training flop", "training flops"];
const UNIQUE: &[&str] = &["unique", "unique_tokens", "unique tokens", "u"];
const LOSS: &[&str] = &["loss", "bits", "nll"];

/// Observations, with the texts of columns that are neither N, D, U nor loss kept for [`Runs::filter`].
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "the runs are what there is, besides names of columns")]
pub struct Runs {
    runs: Vec<Run>,
    extras: Vec<String>,
    texts: Vec<Vec<String>>,
    label: Option<&'static str>,
}

impl Runs {
    /// Runs from (N, D, loss), nothing repeated.
    ///
    /// # Errors
    /// [`Error::BadRun`] when a number is not positive and finite.
    ///
    /// ```
    /// use losslaw::scaling::Runs;
    /// assert_eq!(Runs::from_triples([(1e6, 1e9, 3.0)])?.runs()[0].compute(6.0), 6e15);
    /// assert!(Runs::from_triples([(1e6, 0.0, 3.0)]).is_err());
    /// # Ok::<(), losslaw::Error>(())
    /// ```
    pub fn from_triples(triples: impl IntoIterator<Item = (f64, f64, f64)>) -> Result<Self> {
        Self::from_runs(triples.into_iter().map(|(params, data, loss)| Run { params, data, unique: data, loss }))
    }

    /// Runs as they are.
    ///
    /// # Errors
    /// [`Error::BadRun`] when a number is not positive and finite.
    pub fn from_runs(runs: impl IntoIterator<Item = Run>) -> Result<Self> {
        let runs: Vec<Run> = runs.into_iter().collect();
        for (row, run) in runs.iter().enumerate() {
            let named = [("params", run.params), ("data", run.data), ("unique", run.unique), ("loss", run.loss)];
            for (column, value) in named {
                check(value, row as u64 + 1, column)?;
            }
        }
        let texts = vec![vec![]; runs.len()];
        Ok(Self { runs, extras: vec![], texts, label: None })
    }

    /// Reads a CSV file with a header.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when a column is not there, [`Error::BadRun`] with line and column when a cell is no
    /// positive finite number or a line has another number of cells than the header.
    pub fn from_csv(bytes: &[u8], columns: &Columns) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(str::to_owned).collect(),
            Err(_) => return Err(Error::bad_run(1, "", "is no text")),
        };
        if header.iter().all(String::is_empty) {
            return Err(Error::bad_run(1, "", "is empty; the names of columns stand there"));
        }
        let find = |field, given: &Option<String>, usual: &[&str]| named(&header, field, given.as_deref(), usual);
        let loss = find("loss column", &columns.loss, LOSS)?.ok_or_else(|| missing("loss column", &header))?;
        let params = find("params column", &columns.params, PARAMS)?;
        let data = if columns.flops.is_some() { None } else { find("data column", &columns.data, DATA)? };
        let flops = if data.is_some() { None } else { find("flops column", &columns.flops, FLOPS)? };
        let unique = find("unique column", &columns.unique, UNIQUE)?;
        if params.is_none() && (data.is_none() || flops.is_some()) {
            return Err(missing("params column", &header));
        }
        let only: Vec<(usize, &String)> = columns
            .only
            .iter()
            .map(|(name, text)| {
                Ok((named(&header, "filter column", Some(name), &[])?.expect("a name was given"), text))
            })
            .collect::<Result<_>>()?;
        let used: Vec<usize> = [Some(loss), params, data, flops, unique].into_iter().flatten().collect();
        let extra: Vec<usize> = (0..header.len()).filter(|column| !used.contains(column)).collect();
        let mut out = Self { extras: extra.iter().map(|&c| header[c].clone()).collect(), ..Self::default() };
        for record in reader.records() {
            let record = record.map_err(|error| {
                Error::bad_run(error.position().map_or(0, csv::Position::line), "", "does not fit the header")
            })?;
            if only.iter().any(|&(column, text)| record.get(column) != Some(text)) {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            let number = |column: usize| {
                let text = record.get(column).unwrap_or_default();
                let value = text.parse().map_err(|_| Error::bad_run(line, &header[column], "is no number"))?;
                check(value, line, &header[column])
            };
            let n = params.map_or(Ok(1.0), number)?;
            let d = match (data, flops) {
                (Some(column), _) => number(column)?,
                (None, Some(column)) => number(column)? / (6.0 * n),
                (None, None) => 1.0,
            };
            let unique = unique.map_or(Ok(d), number)?;
            out.runs.push(Run { params: n, data: d, unique: unique.min(d), loss: number(loss)? });
            out.texts.push(extra.iter().map(|&c| record.get(c).unwrap_or_default().to_owned()).collect());
        }
        if out.runs.is_empty() {
            return Err(Error::bad_run(2, "", "is not there: no row, or none that was asked for"));
        }
        Ok(out)
    }

    /// The observations.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Number of observations.
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How the code length was counted, where this crate measured it.
    pub fn label(&self) -> Option<&'static str> {
        self.label
    }

    pub(super) fn labelled(self, label: &'static str) -> Self {
        Self { label: Some(label), ..self }
    }

    /// C = `factor`·N·D of each run.
    pub fn compute(&self, factor: f64) -> Vec<f64> {
        self.runs.iter().map(|run| run.compute(factor)).collect()
    }

    /// The runs for which `keep` is true.
    #[must_use]
    pub fn retain(&self, keep: impl Fn(&Run) -> bool) -> Self {
        self.subset(|at| keep(&self.runs[at]))
    }

    /// The runs whose text in an extra column passes `keep`.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the file had no such column, or it was used for N, D, U or the loss.
    pub fn filter(&self, column: &str, keep: impl Fn(&str) -> bool) -> Result<Self> {
        let place = named(&self.extras, "filter column", Some(column), &[])?.expect("a name was given");
        Ok(self.subset(|at| keep(&self.texts[at][place])))
    }

    /// The runs without the `count` worst: those whose loss is strictly below the `count`th largest.
    #[must_use]
    pub fn drop_worst(&self, count: usize) -> Self {
        let mut losses: Vec<f64> = self.runs.iter().map(|run| run.loss).collect();
        losses.sort_by(|a, b| b.total_cmp(a));
        let bound = if count == 0 { f64::INFINITY } else { *losses.get(count - 1).unwrap_or(&0.0) };
        self.retain(|run| run.loss < bound)
    }

    fn subset(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.len()).filter(|&at| keep(at)).collect();
        Self {
            runs: kept.iter().map(|&at| self.runs[at]).collect(),
            extras: self.extras.clone(),
            texts: kept.iter().map(|&at| self.texts[at].clone()).collect(),
            label: self.label,
        }
    }

    /// The runs as CSV, with the columns params, data, unique and loss.
    pub fn to_csv(&self) -> String {
        let line = |run: &Run| format!("{},{},{},{}\n", run.params, run.data, run.unique, run.loss);
        let start = "params,data,unique,loss\n".to_owned();
        self.runs.iter().map(line).fold(start, |csv, line| csv + &line)
    }
}

/// The place of a column: the one named, or else the first of the usual names, whatever their case.
fn named(header: &[String], field: &'static str, name: Option<&str>, usual: &[&str]) -> Result<Option<usize>> {
    if let Some(name) = name {
        let place = header.iter().position(|column| column == name);
        return place.map(Some).ok_or_else(|| Error::config(field, name, "the columns of the file"));
    }
    Ok(usual.iter().find_map(|usual| header.iter().position(|column| column.eq_ignore_ascii_case(usual))))
}

fn missing(field: &'static str, header: &[String]) -> Error {
    Error::config(field, format!("one of {}", header.join(", ")), "the usual names; name the column")
}

fn check(value: f64, row: u64, column: &str) -> Result<f64> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(Error::bad_run(row, column, "is not positive and finite"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_line_and_column() {
        let read = |csv: &str| Runs::from_csv(csv.as_bytes(), &Columns::default()).unwrap_err().to_string();
        assert_eq!(read("n,d,loss\n1,2,3\n1,x,3\n"), "line 3, column \"d\" is no number");
        assert_eq!(read("n,d,loss\n1,-2,3\n"), "line 2, column \"d\" is not positive and finite");
        assert_eq!(read("n,d,loss\n1,2,inf\n"), "line 2, column \"loss\" is not positive and finite");
        assert_eq!(read("n,d,loss\n1,2\n"), "line 2 does not fit the header");
        for nothing in ["", "\n\n", "  \n"] {
            assert_eq!(read(nothing), "line 1 is empty; the names of columns stand there", "{nothing:?}");
        }
        assert!(read("n,d,price\n1,2,3\n").contains("n, d, price"));
        let columns = Columns { data: Some("tokens".into()), ..Columns::default() };
        let unknown = Runs::from_csv(b"n,d,loss\n1,2,3\n", &columns).unwrap_err().to_string();
        assert!(unknown.contains("tokens"), "{unknown}");
    }

    #[test]
    fn the_worst_runs_are_dropped_with_their_equals() {
        let runs = Runs::from_triples([5.0, 4.0, 4.0, 3.0, 2.0].map(|loss| (1.0, 1.0, loss))).unwrap();
        assert_eq!(runs.drop_worst(0).len(), 5);
        assert_eq!(runs.drop_worst(2).len(), 2, "both runs of loss 4 go with the second largest");
        assert_eq!(runs.drop_worst(9).len(), 0);
    }

    #[test]
    fn rows_are_chosen_before_their_numbers_are_read() {
        let columns = Columns { only: vec![("last".into(), "1".into())], ..Columns::default() };
        let runs = Runs::from_csv(b"n,d,last,loss\n1,2,0,\n1,2,1,3\n", &columns).unwrap();
        assert_eq!(runs.len(), 1);
    }
}
