//! What stands behind the question mark of an address.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;

/// The parameters in their order; of several with one name the first counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub fn of(uri: &Uri) -> Query {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Query { pairs: pairs.into_owned().collect() }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    /// A number that may be missing; what is wrong with one that is no number.
    pub fn number(&self, name: &str) -> Result<Option<u64>, String> {
        match self.text(name) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{name} is {text:?}: a whole number that is not negative is expected")),
            },
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query, Infallible> {
        Ok(Query::of(&parts.uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_once() {
        let query = Query::of(&"/x?file=a%2Fb%252e+c&sys=true&n=7&bad=x&file=other".parse().unwrap());
        assert_eq!(query.text("file"), Some("a/b%2e c"));
        assert!(query.flag("sys") && !query.flag("none"));
        assert_eq!((query.number("n"), query.number("none")), (Ok(Some(7)), Ok(None)));
        assert!(query.number("bad").unwrap_err().contains("bad"));
    }
}
