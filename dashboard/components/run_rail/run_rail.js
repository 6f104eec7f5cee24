// The rail: the compared runs with their lines and accuracies. Each can be hidden, pinned as baseline and edited.

import { keptFor } from "../kept.js"
import { fillPlace } from "../kept_place.js"

// Rails by their parentElement: Streamlit calls the default export again at every update.
const rails = new WeakMap()

export default function runRail({ parentElement, data, setTriggerValue }) {
  const rail = rails.get(parentElement) ?? mount(parentElement, data.key)
  rail.send = (change) => setTriggerValue("change", { ...change, asked: Date.now() })
  const content = JSON.stringify(data)
  if (rail.content !== content) {
    rail.content = content
    rail.data = data
    // What a person types into must stay; it is drawn anew when the form is closed.
    if (!rail.root.querySelector("form")) fill(rail)
  }
  return () => setTimeout(() => rail.root.isConnected || rails.delete(parentElement))
}

function mount(parentElement, key) {
  const root = parentElement.querySelector(".run-rail")
  const kept = keptFor(key)
  kept.open ??= new Map()
  const rail = { root, kept, list: root.querySelector(".list"), content: "" }
  root.querySelector(".all").onclick = () => rail.send({ kind: "hidden", numbers: [] })
  rails.set(parentElement, rail)
  return rail
}

function fill(rail) {
  const { rows, groups, caption } = rail.data
  const focused = rail.root.getRootNode().activeElement?.dataset.id
  rail.root.querySelector(".caption").textContent = caption
  rail.root.querySelector(".all").hidden = !rows.some((row) => row.hidden)
  const byNumber = new Map(rows.map((row) => [row.number, row]))
  rail.list.replaceChildren(
    ...groups.map((group) => {
      const members = group.numbers.map((number) => byNumber.get(number))
      return members.length > 1 ? groupOf(rail, group, members) : entryOf(rail, members[0])
    }),
  )
  fillPlace(rail.root)
  // The new buttons take over the focus of the old ones.
  if (focused) rail.list.querySelector(`[data-id="${focused}"]`)?.focus()
}

function groupOf(rail, group, members) {
  const item = element("li", "entry group")
  item.classList.toggle("hidden", members.every((row) => row.hidden))
  const pinned = members.some((row) => row.baseline)
  const details = element("details")
  details.open = rail.kept.open.get(group.numbers[0]) ?? (rail.data.opened || pinned)
  details.ontoggle = () => rail.kept.open.set(group.numbers[0], details.open)
  const summary = element("summary")
  summary.title = group.name
  summary.append(headOf(members[0].line, group.label), text("div", "score", group.score))
  const list = element("ul")
  list.append(...members.map((row) => entryOf(rail, row)))
  details.append(summary, list)
  const numbers = group.numbers
  // Beside the line that opens the group, because a button within it would open it as well.
  item.append(details, hideButton(rail, numbers, members.every((row) => row.hidden), group.name))
  return item
}

function entryOf(rail, row) {
  const item = element("li", "entry")
  item.dataset.run = row.number
  item.classList.toggle("hidden", row.hidden)
  item.classList.toggle("baseline", row.baseline)
  const head = headOf(row.line, row.label)
  head.title = row.title
  const buttons = [hideButton(rail, [row.number], row.hidden, row.title), pinButton(rail, row)]
  if (row.editable) buttons.push(editButton(rail, row, item))
  item.append(head, factsOf(row.score, buttons))
  if (row.tags.length) item.append(text("div", "tags", row.tags.join(" · ")))
  if (row.note) item.append(text("div", "note", row.note))
  return item
}

function headOf(line, label) {
  const head = element("div", "head")
  const image = element("img")
  image.src = line
  image.alt = ""
  head.append(image, text("span", "name", label))
  return head
}

function factsOf(score, buttons) {
  const facts = element("div", "facts")
  const together = element("span", "buttons")
  together.append(...buttons)
  facts.append(text("span", "score", score), together)
  return facts
}

function hideButton(rail, numbers, hidden, title) {
  const all = rail.data.rows.filter((row) => row.hidden).map((row) => row.number)
  const others = all.filter((number) => !numbers.includes(number))
  const button = press("Hide", hidden, `hide-${numbers.join("-")}`, `Hide ${title}`)
  button.title = hidden ? "Show it in the figures again" : "Take it out of the figures; it stays in this list"
  button.onclick = () => rail.send({ kind: "hidden", numbers: hidden ? others : [...others, ...numbers] })
  return button
}

function pinButton(rail, row) {
  const button = press("Pin", row.baseline, `pin-${row.number}`, `Pin ${row.title} as baseline`)
  button.title = row.baseline ? "No baseline any more" : "Baseline: show how the others differ from this run"
  button.onclick = () => rail.send({ kind: "baseline", number: row.baseline ? null : row.number })
  return button
}

function editButton(rail, row, item) {
  const button = text("button", "", "Edit")
  button.type = "button"
  button.dataset.id = `edit-${row.number}`
  button.title = "Name, tags and a note of your own"
  button.setAttribute("aria-label", `Edit ${row.title}`)
  button.onclick = () => {
    if (rail.root.querySelector("form")) fill(rail)
    const place = rail.list.querySelector(`[data-run="${row.number}"]`) ?? item
    if (!place.querySelector("form")) place.append(formOf(rail, row))
    place.querySelector("input").focus()
  }
  return button
}

function formOf(rail, row) {
  const form = element("form")
  const name = field(form, "Name", element("input"), row.name, rail.data.nameLength)
  name.required = true
  const tags = field(form, "Tags, with commas between", element("input"), row.tags.join(", "), 400)
  const note = field(form, "Note", element("textarea"), row.note, rail.data.noteLength)
  note.rows = 2
  const row_ = element("div", "row")
  const save = text("button", "save", "Save")
  save.type = "submit"
  const cancel = text("button", "", "Cancel")
  cancel.type = "button"
  const remove = text("button", "", "Take out")
  remove.type = "button"
  remove.title = "Take this run out of the comparison; it is not deleted"
  row_.append(save, cancel, remove)
  form.append(row_)
  const close = () => {
    form.remove()
    fill(rail)
    rail.list.querySelector(`[data-id="edit-${row.number}"]`)?.focus()
  }
  cancel.onclick = close
  remove.onclick = () => {
    close()
    rail.send({ kind: "remove", number: row.number })
  }
  form.onkeydown = (event) => {
    if (event.key === "Escape") close()
  }
  form.onsubmit = (event) => {
    event.preventDefault()
    const words = tags.value.split(",").map((tag) => tag.trim()).filter(Boolean)
    const change = { kind: "edit", number: row.number, name: name.value, tags: words, note: note.value }
    close()
    rail.send(change)
  }
  return form
}

function field(form, title, input, value, most) {
  const label = text("label", "", title)
  input.value = value
  input.maxLength = most
  label.append(input)
  form.append(label)
  return input
}

function press(label, pressed, id, title) {
  const button = text("button", "", label)
  button.type = "button"
  button.dataset.id = id
  button.setAttribute("aria-pressed", String(pressed))
  button.setAttribute("aria-label", title)
  return button
}

function text(kind, className, content) {
  const made = element(kind, className)
  made.textContent = content
  return made
}

function element(kind, className = "") {
  const made = document.createElement(kind)
  if (className) made.className = className
  return made
}
