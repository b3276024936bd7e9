//! Texts for pages and addresses.

/// A text that a page shows as it is, in an element or in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// As Java's `URLEncoder` does it, and as forms are sent.
pub fn form_encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A host and a port as an address has them.
pub fn authority(host: &str, port: i64) -> String {
    let bare = host.trim_matches(['[', ']']);
    if bare.contains(':') { format!("[{bare}]:{port}") } else { format!("{}:{port}", form_encode(bare)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_user_wrote_becomes_markup() {
        assert_eq!(escape("<img src=x onerror='a()'>&\""), "&lt;img src=x onerror=&#39;a()&#39;&gt;&amp;&quot;");
        assert_eq!(form_encode("a b/6700/worker.log"), "a+b%2F6700%2Fworker.log");
        assert_eq!((authority("h", 80), authority("fe80::1", 80)), ("h:80".into(), "[fe80::1]:80".into()));
    }
}
