//! Which request is answered by what.

mod actions;
mod reads;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use storm_http::{Json, PageHeaders, jsonp, page_headers, refusal};

use crate::pages;
use crate::refusal::Refusal;
use crate::settings::Settings;

type Ui = State<Arc<Settings>>;
type Answer = Result<Json, Refusal>;

/// How long a Nimbus may take before the client hears that it is late.
const LATE: Duration = Duration::from_secs(60);
/// The longest body of a request: levels of loggers.
const LONGEST_BODY: usize = 256 * 1024;

pub fn router(settings: Arc<Settings>) -> Router {
    let page = PageHeaders::new(settings.header_bytes);
    let api = read_routes().merge(action_routes(&settings)).with_state(settings.clone());
    let api = api.layer(middleware::from_fn(in_time)).layer(middleware::from_fn(jsonp));
    let router = Router::new()
        .nest("/api/v1", api)
        .merge(pages::router(&settings))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(middleware::from_fn_with_state(page, page_headers));
    // Before it is known which route is meant.
    Router::new().fallback_service(router).layer(middleware::map_request(with_blanks))
}

/// A blank in a name is a `+` in the encoded names that Storm gives out; a real `+` is `%2B` there.
async fn with_blanks(mut request: Request) -> Request {
    let uri = request.uri();
    if uri.path().contains('+') {
        let query = uri.query().map_or_else(String::new, |q| format!("?{q}"));
        if let Ok(uri) = format!("{}{query}", uri.path().replace('+', "%20")).parse() {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn read_routes() -> Router<Arc<Settings>> {
    Router::new()
        .route("/cluster/configuration", get(reads::configuration))
        .route("/cluster/summary", get(reads::cluster))
        .route("/nimbus/summary", get(reads::nimbuses))
        .route("/supervisor/summary", get(reads::supervisors))
        .route("/supervisor", get(reads::supervisor))
        .route("/owner-resources", get(reads::owners))
        .route("/owner-resources/{owner}", get(reads::owner))
        .route("/history/summary", get(reads::history))
        .route("/topology/summary", get(reads::topologies))
        .route("/topology-workers/{id}", get(reads::workers))
        .route("/topology/{id}", get(reads::topology))
        .route("/topology/{id}/metrics", get(reads::topology))
        .route("/topology/{id}/lag", get(reads::lag))
        .route("/topology/{id}/visualization-init", get(reads::stream_boxes))
        .route("/topology/{id}/visualization", get(reads::graph))
        .route("/topology/{id}/component/{component}", get(reads::component))
}

fn action_routes(settings: &Arc<Settings>) -> Router<Arc<Settings>> {
    let changes = Router::new()
        .route("/topology/{id}/activate", post(actions::activate))
        .route("/topology/{id}/deactivate", post(actions::deactivate))
        .route("/topology/{id}/rebalance/{wait}", post(actions::rebalance))
        .route("/topology/{id}/kill/{wait}", post(actions::kill))
        .route("/topology/{id}/debug/{action}/{percent}", post(actions::debug))
        .route("/topology/{id}/component/{component}/debug/{action}/{percent}", post(actions::debug_component))
        .route("/topology/{id}/logconfig", post(actions::set_levels))
        .route("/topology/{id}/profiling/start/{worker}/{minutes}", post(actions::start_profiling))
        .route("/topology/{id}/profiling/{action}/{worker}", post(actions::profile));
    changes
        .layer(middleware::from_fn_with_state(settings.clone(), may_change))
        // Reading them is no change.
        .route("/topology/{id}/logconfig", get(reads::levels))
}

/// Lets nothing be changed where that is switched off, or on behalf of a page of somebody else.
async fn may_change(State(ui): Ui, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let why =
        if ui.actions { refusal(request.headers(), &ui.names) } else { Some("ui.actions.enabled is false".to_owned()) };
    match why {
        None => next.run(request).await,
        Some(why) => {
            tracing::warn!(path = request.uri().path(), "a change is refused: {why}");
            Refusal::Forbidden(format!("nothing is changed: {why}")).into_response()
        }
    }
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LATE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let what = format!("Nimbus did not answer within {} s", LATE.as_secs());
            storm_http::error(StatusCode::INTERNAL_SERVER_ERROR, &what)
        }
    }
}

async fn not_found(request: Request) -> Response {
    storm_http::error(StatusCode::NOT_FOUND, &format!("there is no {}", request.uri().path()))
}

async fn not_allowed(request: Request) -> Response {
    let what = format!("{} does not take {}", request.uri().path(), request.method());
    storm_http::error(StatusCode::METHOD_NOT_ALLOWED, &what)
}
