// Questions that a component asks the server outside Streamlit.

// Milliseconds that an answer is waited for.
const LONGEST_WAIT = 20000

/** The server's response to a question, which is sent as JSON if there is one; null where none comes. */
export async function responseTo(url, question) {
  const sent = question && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) }
  try {
    const response = await fetch(url, { ...sent, signal: AbortSignal.timeout(LONGEST_WAIT) })
    // The person was sent out: the page that the server gives now says so.
    if (response.status === 401) location.reload()
    return response
  } catch {
    return null
  }
}
