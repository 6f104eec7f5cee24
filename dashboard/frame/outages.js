// After an outage the app has often been started anew, or another one answers. It does not know the page until the page's
// first run has ended: until then it drops presses in parts of the page that run alone, and forgets callbacks. So the first
// message of a new connection, which asks for that run, goes at once, and all others wait for its end.
{
  // The longest wait in milliseconds.
  const PATIENCE = 10_000
  // The first byte of these fields of a message from the app (ForwardMsg, in Protocol Buffers), and a value of the third.
  const HASH = 0x0a
  const METADATA = 0x12
  const SCRIPT_FINISHED = 0x30
  const RUNS_AGAIN = 2

  /** Whether a message says that a run of the page has ended, and that no other one follows it at once. */
  const isEnd = (bytes) => {
    let at = 0
    // Of hash and metadata, the length comes first: seven bits in each byte, the lowest first, until one is below 128.
    while (bytes[at] === HASH || bytes[at] === METADATA) {
      let length = 0
      let shift = 0
      do {
        at += 1
        length |= (bytes[at] & 127) << shift
        shift += 7
      } while (bytes[at] > 127)
      at += 1 + length
    }
    return bytes[at] === SCRIPT_FINISHED && bytes[at + 1] !== RUNS_AGAIN
  }

  const Original = window.WebSocket
  let isReconnection = false

  window.WebSocket = class extends Original {
    #isFirst = true
    #waiting = isReconnection ? [] : null

    constructor(...options) {
      super(...options)
      this.addEventListener("open", () => (isReconnection = true))
    }

    send(message) {
      if (this.#waiting && !this.#isFirst) return void this.#waiting.push(message)
      super.send(message)
      if (this.#waiting) this.#waitForRun()
      this.#isFirst = false
    }

    #waitForRun() {
      const end = () => {
        clearTimeout(timer)
        this.removeEventListener("message", look)
        for (const message of this.#waiting) super.send(message)
        this.#waiting = null
      }
      const look = ({ data }) => data instanceof ArrayBuffer && isEnd(new Uint8Array(data)) && end()
      const timer = setTimeout(end, PATIENCE)
      this.addEventListener("message", look)
    }
  }
}
