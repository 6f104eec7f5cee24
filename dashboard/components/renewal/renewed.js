// How a renewal hands new data to the components of its page.

const RENEWED = "mnist-lab:renewed"

/** Hand out messages, by the keys of the components that they are for. */
export function handOut(messages) {
  document.dispatchEvent(new CustomEvent(RENEWED, { detail: messages }))
}

/** Call `receive` with each message for this key, as long as `root` is on the page. */
export function whenRenewed(root, key, receive) {
  const listen = ({ detail }) => {
    if (!root.isConnected) document.removeEventListener(RENEWED, listen)
    else if (key in detail) receive(detail[key])
  }
  document.addEventListener(RENEWED, listen)
}
