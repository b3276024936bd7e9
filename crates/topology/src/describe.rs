//! A topology as one piece of data: what `PROGRAM describe` prints and what a topology jar carries beside its resources.

use serde_json::{Map, Value, json};
use storm_thrift::types::StormTopology;

/// A topology, its configuration and the name its author gave it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TopologyDescription {
    /// The name to submit it under unless another is given.
    pub name: Option<String>,
    /// Its own configuration.
    pub conf: Map<String, Value>,
    /// Itself.
    pub topology: StormTopology,
    /// Folders on this machine whose files belong under `resources/` of its jar; none once it is packed.
    pub resource_dirs: Vec<String>,
    /// Ids of the components that the program which describes it brings.
    pub natives: Vec<String>,
}

/// Why a text is no description.
#[allow(missing_docs, reason = "the messages say what each is")]
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    #[error("not a topology description: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not a topology description: {0}")]
    Shape(&'static str),
    #[error("the topology in the description cannot be decoded: {0}")]
    Thrift(#[from] storm_thrift::DecodeError),
}

impl DescriptionError {
    /// The stable code word.
    pub fn code(&self) -> &'static str {
        "topology/description"
    }
}

impl TopologyDescription {
    /// One line of JSON; the thrift bytes of the topology are in it as hexadecimal digits.
    pub fn to_json(&self) -> String {
        let bytes = storm_thrift::to_bytes(&self.topology);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        json!({"storm-topology": 1, "name": self.name, "conf": self.conf, "thrift": hex,
               "resource_dirs": self.resource_dirs, "natives": self.natives})
        .to_string()
    }

    /// Reads what [`TopologyDescription::to_json`] wrote.
    pub fn from_json(text: &[u8]) -> Result<TopologyDescription, DescriptionError> {
        let mut value: Map<String, Value> = serde_json::from_slice(text)?;
        if value.get("storm-topology").and_then(Value::as_i64) != Some(1) {
            return Err(DescriptionError::Shape("there is no \"storm-topology\": 1 in it"));
        }
        let name = match value.remove("name") {
            None | Some(Value::Null) => None,
            Some(Value::String(s)) => Some(s),
            Some(_) => return Err(DescriptionError::Shape("name is not a text")),
        };
        let Some(Value::Object(conf)) = value.remove("conf") else {
            return Err(DescriptionError::Shape("conf is not a map"));
        };
        let Some(Value::String(hex)) = value.remove("thrift") else {
            return Err(DescriptionError::Shape("thrift is not a text"));
        };
        let bytes = from_hex(&hex).ok_or(DescriptionError::Shape("thrift is not made of hexadecimal digits"))?;
        let mut texts = |key: &str| match value.remove(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(v) => serde_json::from_value(v),
        };
        let (resource_dirs, natives) = (texts("resource_dirs")?, texts("natives")?);
        Ok(TopologyDescription { name, conf, topology: storm_thrift::from_bytes(&bytes)?, resource_dirs, natives })
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_back() {
        let description = TopologyDescription {
            name: Some("words".to_owned()),
            conf: json!({"topology.workers": 2}).as_object().cloned().unwrap_or_default(),
            topology: StormTopology { storm_version: Some("2.8.3".to_owned()), ..Default::default() },
            resource_dirs: vec!["/a b".to_owned()],
            natives: vec!["split".to_owned()],
        };
        let text = description.to_json();
        assert_eq!(TopologyDescription::from_json(text.as_bytes()).unwrap(), description);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"storm-topology":1,"conf":{},"thrift":"0"}"#,
            r#"{"storm-topology":1,"conf":{},"thrift":"zz"}"#,
            r#"{"storm-topology":1,"conf":{},"thrift":"0d"}"#,
        ] {
            assert!(TopologyDescription::from_json(text.as_bytes()).is_err(), "{text}");
        }
    }
}
