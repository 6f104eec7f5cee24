// The fonts of .streamlit/config.toml are those of the system, but until it knows the settings Streamlit draws with Source
// Sans (171 kB). Its font of all icons (375 kB) is replaced by one with those that the app uses. Without these rules of its
// style sheet it fetches neither.
for (const sheet of document.styleSheets) {
  if (!sheet.href?.startsWith(location.origin)) continue
  for (let index = sheet.cssRules.length - 1; index >= 0; index -= 1) {
    const family = sheet.cssRules[index].style?.getPropertyValue("font-family") ?? ""
    const isFont = sheet.cssRules[index] instanceof CSSFontFaceRule
    if (isFont && /Source Sans|Material Symbols/.test(family)) sheet.deleteRule(index)
  }
}

// What makes an entry of the browser's history: another page, or another section or view of a page, whose parameters in
// the address data-keys lists. Streamlit makes several entries for a change of page, some of them with the address
// half changed, and none for what a person chooses on a page.
{
  const keys = document.currentScript.dataset.keys.split(" ")
  // Streamlit changes the address several times for one click, the last time when the page's run ends. It is settled once no
  // run is left and nothing has changed for so many milliseconds.
  const settledAfter = 300
  const push = history.pushState.bind(history)
  const replace = history.replaceState.bind(history)
  let last = location.href
  let timer
  // What a page changes in its address without a person, such as a value that it cannot have, is no step to go back to.
  let isTouched = false
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => (isTouched = true), true)

  const place = (address) => {
    const { pathname, searchParams } = new URL(address)
    return JSON.stringify([pathname, ...keys.map((key) => searchParams.getAll(key))])
  }

  // The root leads on to a page at once; Back to it would lead to the same page again.
  const isRoot = (address) => new URL(address).pathname === "/"

  const isRunning = () =>
    !["notRunning", undefined].includes(document.querySelector("[data-testid=stApp]")?.dataset.testScriptState)

  const settle = () => {
    if (isRunning()) {
      timer = setTimeout(settle, settledAfter)
      return
    }
    const now = location.href
    if (isTouched && place(now) !== place(last) && !isRoot(last)) {
      replace({}, "", last)
      push({}, "", now)
    }
    last = now
  }

  history.pushState = history.replaceState = (state, title, url) => {
    replace(state, title, url)
    clearTimeout(timer)
    timer = setTimeout(settle, settledAfter)
  }

  // Back and forward lead to an entry that is there; Streamlit draws it, and what it changes in the address is no new one.
  addEventListener("popstate", () => {
    clearTimeout(timer)
    isTouched = false
    last = location.href
  }, true)
}
