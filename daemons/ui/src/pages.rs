//! The files that a browser takes. One page is all of Storm's: which one is meant, its script reads in the address.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use storm_http::escape;

use crate::settings::Settings;

const PAGE: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/style.css");
const SCRIPTS: [(&str, &str); 5] = [
    ("/app.js", include_str!("../assets/app.js")),
    ("/api.js", include_str!("../assets/api.js")),
    ("/dom.js", include_str!("../assets/dom.js")),
    ("/views.js", include_str!("../assets/views.js")),
    ("/graph.js", include_str!("../assets/graph.js")),
];
/// The addresses of Storm's pages.
const PAGES: [&str; 7] =
    ["/", "/index.html", "/topology.html", "/component.html", "/supervisor.html", "/owner.html", "/visualize.html"];

pub fn router(settings: &Arc<Settings>) -> Router {
    let facts = settings.for_pages();
    let title = escape(facts["title"].as_str().unwrap_or_default());
    let page = PAGE.replace("{{title}}", &title).replace("{{facts}}", &escape(&facts.to_string()));
    let page: Arc<str> = page.into();
    let mut router = Router::new();
    for path in PAGES {
        let page = page.clone();
        router = router.route(path, get(move || async move { file("text/html; charset=utf-8", page.to_string()) }));
    }
    for (path, text) in SCRIPTS {
        router =
            router.route(path, get(move || async move { file("text/javascript; charset=utf-8", text.to_owned()) }));
    }
    router.route("/style.css", get(|| async { file("text/css; charset=utf-8", STYLE.to_owned()) }))
}

/// A new program has new files: nothing is kept without being asked for again.
fn file(kind: &'static str, text: String) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}
