//! Which request is answered by what. Files are read on threads of their own, a few at a time.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use storm_http::{Json, PageHeaders, Query, authority, form_encode, jsonp, page_headers};
use tokio::sync::Semaphore;

use crate::deep::{self, Wanted};
use crate::files::{self, Slot};
use crate::pages::{self, Kind, Log};
use crate::part;
use crate::root::{Denied, Entry, Root};
use crate::search::{self, LONGEST_TEXT, Match};
use crate::settings::Settings;
use crate::stream;

/// Logs that are read at a time.
const READERS: usize = 8;
const USUAL_MATCHES: usize = 10;
const MOST_MATCHES: usize = 10_000;
/// Workers that the first page lists; all are in `listLogs`.
const MOST_WORKERS: usize = 500;
/// What profilers leave.
const DUMPS: [&str; 4] = [".txt", ".jfr", ".bin", ".hprof"];

#[derive(Debug)]
struct Viewer {
    settings: Arc<Settings>,
    port: u16,
    readers: Semaphore,
}

type Shared = State<Arc<Viewer>>;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("{0}")]
    Request(String),
    #[error("the reading broke: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Denied(Denied::NotFound) => StatusCode::NOT_FOUND,
            Refusal::Request(_) => StatusCode::BAD_REQUEST,
            Refusal::Denied(Denied::Io(_)) | Refusal::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn page(&self) -> Response {
        let title = self.status().canonical_reason().unwrap_or_default();
        (self.status(), Html(pages::trouble(title, &self.to_string()))).into_response()
    }

    fn document(&self) -> Response {
        match self {
            // The words of Storm's.
            Refusal::Denied(Denied::NotFound) => {
                let text = json!({ "error": "Not Found", "errorMessage": "The file was not found on this node." });
                let mut response = Json(text).into_response();
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
            other => storm_http::error(other.status(), &other.to_string()),
        }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(e: std::io::Error) -> Refusal {
        Refusal::Denied(Denied::Io(e))
    }
}

pub fn router(settings: Arc<Settings>, port: u16) -> Router {
    let page = PageHeaders::new(settings.header_bytes);
    let viewer = Arc::new(Viewer { settings, port, readers: Semaphore::new(READERS) });
    let api = Router::new()
        .route("/log", get(worker_log))
        .route("/daemonlog", get(daemon_log))
        .route("/download", get(worker_download))
        .route("/daemondownload", get(daemon_download))
        .route("/find", get(find))
        .route("/search", get(search))
        .route("/deepSearch/{topology}", get(deep_search))
        .route("/listLogs", get(list))
        .route("/searchLogs", get(list))
        .route("/dumps/{topology}/{worker}", get(dumps))
        .route("/dumps/{topology}/{worker}/{file}", get(dump))
        .layer(middleware::from_fn(jsonp));
    Router::new()
        .nest("/api/v1", api)
        .route("/", get(index))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE) }))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .with_state(viewer)
        .layer(middleware::from_fn_with_state(page, page_headers))
}

async fn not_found(request: Request) -> Response {
    storm_http::error(StatusCode::NOT_FOUND, &format!("there is no {}", request.uri().path()))
}

async fn not_allowed(request: Request) -> Response {
    let what = format!("{} does not take {}", request.uri().path(), request.method());
    storm_http::error(StatusCode::METHOD_NOT_ALLOWED, &what)
}

impl Viewer {
    /// Reads on a thread that may wait for a disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Settings) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let _turn = self.readers.acquire().await;
        let settings = self.settings.clone();
        tokio::task::spawn_blocking(move || read(&settings)).await?
    }

    fn root(settings: &Settings, kind: Kind) -> &Root {
        if kind == Kind::Daemon { &settings.daemons } else { &settings.workers }
    }
}

/// The name of a log: a daemon's lies in the folder itself.
fn name(query: &Query, kind: Kind) -> Result<String, Refusal> {
    let file = query.text("file").ok_or_else(|| Refusal::Request("the parameter file is missing".to_owned()))?;
    if kind == Kind::Daemon && file.contains('/') {
        return Err(Denied::NotFound.into());
    }
    Ok(file.to_owned())
}

fn number(query: &Query, name: &str) -> Result<Option<u64>, Refusal> {
    query.number(name).map_err(Refusal::Request)
}

async fn worker_log(state: Shared, query: Query) -> Response {
    log(state, query, Kind::Worker).await.unwrap_or_else(|e| e.page())
}

async fn daemon_log(state: Shared, query: Query) -> Response {
    log(state, query, Kind::Daemon).await.unwrap_or_else(|e| e.page())
}

async fn log(State(viewer): Shared, query: Query, kind: Kind) -> Result<Response, Refusal> {
    let file = name(&query, kind)?;
    let (start, length) = (number(&query, "start")?, number(&query, "length")?);
    let length = length.unwrap_or(part::USUAL_LENGTH).clamp(1, part::LONGEST);
    let grep = query.text("grep").map(str::to_owned);
    let page = viewer.read(move |settings| {
        let root = Viewer::root(settings, kind);
        let part = part::read(root.open(&file)?, part::is_packed(&file), start, length)?;
        let beside = beside(root, &file)?;
        Ok(Log { kind, file: &file, part: &part, length, grep: grep.as_deref(), beside: &beside }.page())
    });
    Ok(Html(page.await?).into_response())
}

/// The files in the folder of a file.
fn beside(root: &Root, file: &str) -> Result<Vec<String>, Denied> {
    let (folder, front) = match file.rsplit_once('/') {
        Some((folder, _)) => (folder.split('/').collect(), format!("{folder}/")),
        None => (Vec::new(), String::new()),
    };
    let entries = root.list(&folder)?;
    Ok(entries.into_iter().filter(|e| !e.is_dir).map(|e| format!("{front}{}", e.name)).collect())
}

async fn worker_download(state: Shared, headers: HeaderMap, query: Query) -> Response {
    download(state, headers, query, Kind::Worker).await.unwrap_or_else(|e| e.page())
}

async fn daemon_download(state: Shared, headers: HeaderMap, query: Query) -> Response {
    download(state, headers, query, Kind::Daemon).await.unwrap_or_else(|e| e.page())
}

async fn download(State(viewer): Shared, headers: HeaderMap, query: Query, kind: Kind) -> Result<Response, Refusal> {
    let file = name(&query, kind)?;
    let kept_as = file.replace('/', "-");
    let file = viewer.read(move |settings| Ok(Viewer::root(settings, kind).open(&file)?)).await?;
    Ok(stream::attachment(file, &kept_as, &headers)?)
}

async fn index(State(viewer): Shared) -> Response {
    let page = viewer.read(|settings| {
        let daemons = match settings.daemons.list(&[]) {
            Err(Denied::NotFound) => Vec::new(),
            listed => listed?,
        };
        let daemons: Vec<Entry> = daemons.into_iter().filter(|e| !e.is_dir).collect();
        let mut workers = Vec::new();
        for slot in files::slots(&settings.workers, None, None)?.into_iter().take(MOST_WORKERS) {
            let files = files::of_slot(&settings.workers, &slot)?;
            workers.push((slot, files));
        }
        Ok(pages::index(&daemons, &workers))
    });
    match page.await {
        Ok(page) => Html(page).into_response(),
        Err(e) => e.page(),
    }
}

async fn list(State(viewer): Shared, query: Query) -> Response {
    let text = |name: &str| query.text(name).filter(|t| !t.is_empty()).map(str::to_owned);
    let (topology, port) = (text("topoId"), text("port"));
    let names = viewer.read(move |settings| Ok(files::names(&settings.workers, topology.as_deref(), port.as_deref())?));
    match names.await {
        Ok(names) => Json(json!(names)).into_response(),
        Err(e) => e.document(),
    }
}

/// The text that a request looks for.
fn wanted_text(query: &Query) -> Result<String, Refusal> {
    let text = query.text("search-string").unwrap_or_default();
    if (1..=LONGEST_TEXT).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(Refusal::Request(format!("search-string must have 1 to {LONGEST_TEXT} bytes")))
}

fn most(query: &Query, usual: usize) -> Result<usize, Refusal> {
    let most = number(query, "num-matches")?.map_or(usual, |n| usize::try_from(n).unwrap_or(MOST_MATCHES));
    Ok(most.clamp(1, MOST_MATCHES))
}

/// A page of a log with a match in its middle, under an address that other hosts can use.
fn shown(front: &str, kind: Kind, file: &str, text: &str, found: &Match) -> Value {
    let half = part::USUAL_LENGTH / 2;
    let start = (found.offset + text.len() as u64 / 2).saturating_sub(half);
    json!({
        "byteOffset": found.offset,
        "beforeString": found.before,
        "afterString": found.after,
        "matchString": text,
        "logviewerURL": format!("{front}{}&start={start}&length={}", kind.address(file), part::USUAL_LENGTH),
    })
}

impl Viewer {
    fn front(&self) -> String {
        format!("http://{}", authority(&self.settings.host, self.port.into()))
    }
}

/// One log, as `/search` and `/find` look through it.
async fn look_through(viewer: &Viewer, query: &Query, front: String) -> Result<Value, Refusal> {
    let kind = if query.text("is-daemon") == Some("yes") { Kind::Daemon } else { Kind::Worker };
    let file = name(query, kind)?;
    let (text, most) = (wanted_text(query)?, most(query, USUAL_MATCHES)?);
    let start = number(query, "start-byte-offset")?.unwrap_or(0);
    let search = viewer.read(move |settings| {
        let mut log = Viewer::root(settings, kind).open(&file)?;
        let packed = part::is_packed(&file);
        if start > part::length(&mut log, packed)? {
            return Err(Refusal::Request("start-byte-offset is past the end of the file".to_owned()));
        }
        let found = search::find(part::from(log, packed, start)?, text.as_bytes(), start, most)?;
        let mut answer = serde_json::Map::new();
        answer.insert("isDaemon".to_owned(), (if kind == Kind::Daemon { "yes" } else { "no" }).into());
        answer.extend(found.members(&file, &text, start, &|file, m| shown(&front, kind, file, &text, m)));
        Ok(Value::Object(answer))
    });
    search.await
}

async fn search(State(viewer): Shared, query: Query) -> Response {
    match look_through(&viewer, &query, viewer.front()).await {
        Ok(answer) => Json(answer).into_response(),
        Err(e) => e.document(),
    }
}

/// The same as a page, for who reads.
async fn find(State(viewer): Shared, query: Query) -> Response {
    let answer = match look_through(&viewer, &query, String::new()).await {
        Ok(answer) => answer,
        Err(e) => return e.page(),
    };
    let word = |of: &Value, member: &str| of[member].as_str().unwrap_or_default().to_owned();
    let one = |m: &Value| ["beforeString", "matchString", "afterString", "logviewerURL"].map(|member| word(m, member));
    let matches: Vec<[String; 4]> = answer["matches"].as_array().into_iter().flatten().map(one).collect();
    let (file, text) = (query.text("file").unwrap_or_default(), query.text("search-string").unwrap_or_default());
    let more = answer["nextByteOffset"].as_u64().map(|next| {
        format!(
            "/api/v1/find?file={}&is-daemon={}&search-string={}&start-byte-offset={next}",
            form_encode(file),
            word(&answer, "isDaemon"),
            form_encode(text)
        )
    });
    Html(pages::found(file, text, &matches, more.as_deref())).into_response()
}

async fn deep_search(State(viewer): Shared, Path(topology): Path<String>, query: Query) -> Response {
    deep_answer(&viewer, topology, &query).await.map_or_else(|e| e.document(), |v| Json(v).into_response())
}

async fn deep_answer(viewer: &Viewer, topology: String, query: &Query) -> Result<Value, Refusal> {
    // Nothing to look for is found nowhere, as in Storm.
    if query.text("search-string").is_none_or(str::is_empty) {
        return Ok(json!([]));
    }
    let wanted = Wanted {
        text: wanted_text(query)?,
        most: most(query, 1)?,
        archived: query.text("search-archived").is_some_and(|v| matches!(v, "true" | "on" | "yes")),
        skip_files: number(query, "start-file-offset")?.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX)),
        skip_bytes: number(query, "start-byte-offset")?.unwrap_or(0),
    };
    let port = query.text("port").filter(|p| !p.is_empty() && *p != "*").map(str::to_owned);
    let front = viewer.front();
    let search = viewer.read(move |settings| {
        let shown = |file: &str, m: &Match| shown(&front, Kind::Worker, file, &wanted.text, m);
        Ok(match port {
            None => deep::everywhere(&settings.workers, &topology, &wanted, &shown)?,
            Some(port) => deep::at_port(&settings.workers, &Slot { topology, port }, &wanted, &shown)?,
        })
    });
    search.await
}

/// The port of `host:port`.
fn port_of(worker: &str) -> Result<&str, Refusal> {
    let port = worker.rsplit_once(':').map(|(_, port)| port).filter(|p| p.parse::<u16>().is_ok());
    port.ok_or_else(|| Refusal::Request(format!("{worker:?} is no worker; HOST:PORT is expected")))
}

fn is_dump(name: &str) -> bool {
    DUMPS.iter().any(|end| name.ends_with(end))
}

async fn dumps(State(viewer): Shared, Path((topology, worker)): Path<(String, String)>) -> Response {
    let page = viewer.read(move |settings| {
        let slot = Slot { topology, port: port_of(&worker)?.to_owned() };
        let mut found = settings.workers.list(&[&slot.topology, &slot.port])?;
        found.retain(|e| !e.is_dir && is_dump(&e.name));
        Ok(pages::dumps(&slot.topology, &worker, &found))
    });
    match page.await {
        Ok(page) => Html(page).into_response(),
        Err(e) => e.page(),
    }
}

async fn dump(
    State(viewer): Shared,
    headers: HeaderMap,
    Path((topology, worker, file)): Path<(String, String, String)>,
) -> Response {
    let kept_as = file.clone();
    let opened = viewer.read(move |settings| {
        if !is_dump(&file) || file.contains('/') {
            return Err(Denied::NotFound.into());
        }
        let slot = Slot { topology, port: port_of(&worker)?.to_owned() };
        Ok(settings.workers.open(&slot.file(&file))?)
    });
    match opened.await {
        Ok(file) => stream::attachment(file, &kept_as, &headers).unwrap_or_else(|e| Refusal::from(e).page()),
        Err(e) => e.page(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_requests() {
        let query = |text: &str| Query::of(&format!("/x?{text}").parse().unwrap());
        assert!(name(&query("file=nimbus.log"), Kind::Daemon).is_ok());
        assert!(name(&query("file=workers-artifacts%2Fx"), Kind::Daemon).is_err());
        assert_eq!(name(&query(""), Kind::Worker).unwrap_err().status(), StatusCode::BAD_REQUEST);
        assert_eq!(port_of("host:6700").unwrap(), "6700");
        assert!(port_of("6700").is_err() && port_of("h:..").is_err());
        assert!(is_dump("a.jfr") && !is_dump("worker.log"));
    }

    #[test]
    fn a_match_is_in_the_middle_of_its_page() {
        let found = Match { offset: 100_000, before: String::new(), after: String::new() };
        let shown = shown("http://h:8000", Kind::Worker, "t/1/worker.log", "abcd", &found);
        assert_eq!(shown["logviewerURL"], "http://h:8000/api/v1/log?file=t%2F1%2Fworker.log&start=74402&length=51200");
    }
}
