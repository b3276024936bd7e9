// The REST API of the server that this page came from.

export const settings = JSON.parse(document.querySelector('meta[name="storm-ui"]').content);

export function at(...parts) {
  return 'api/v1/' + parts.map(encodeURIComponent).join('/');
}

export async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return answer(await fetch(query ? `${path}?${query}` : path, { headers: { Accept: 'application/json' } }));
}

export async function post(path, body) {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  return answer(await fetch(path, { method: 'POST', headers, body: body === undefined ? undefined : JSON.stringify(body) }));
}

async function answer(response) {
  const text = await response.text();
  let document = null;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error(`${response.status} ${response.statusText}: the answer is no JSON`);
  }
  if (!response.ok) throw new Error(document.errorMessage || document.error || response.statusText);
  return document;
}
