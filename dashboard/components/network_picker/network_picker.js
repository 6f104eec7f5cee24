// The network picker: cards by family, a search by words, and a choice of one or several.

import { keptFor } from "../kept.js"

// Pickers by their parentElement: Streamlit calls the default export again at every update.
const pickers = new WeakMap()
// A family of more cards than this shows only the first few until a person asks for the rest.
const LONG = 4
const SHOWN = 3

export default function networkPicker({ parentElement, data, setTriggerValue }) {
  const picker = pickers.get(parentElement) ?? mount(parentElement, data.name)
  picker.send = (choice) => setTriggerValue("choice", choice)
  Object.assign(picker, { others: data.others, most: data.most })
  const isNew = picker.content !== data.cards
  if (isNew) fill(picker, data.cards)
  if (data.answered >= picker.asked) picker.chosen = data.chosen
  picker.asked = Math.max(picker.asked, data.answered)
  mark(picker)
  const isFolded = ({ name, option }) => option.hidden && picker.chosen.includes(name)
  if (isNew || (!picker.searchPart.value && picker.cards.some(isFolded))) filter(picker)
  return () => setTimeout(() => picker.root.isConnected || pickers.delete(parentElement))
}

function mount(parentElement, key) {
  const root = parentElement.querySelector(".network-picker")
  const kept = keptFor(key)
  // `open` are the families of which a person wants all cards.
  if (!kept.open) Object.assign(kept, { open: new Set(), query: "" })
  const picker = { root, kept, chosen: [], asked: 0, cards: [], families: [], current: null }
  for (const part of ["search", "count", "families", "about"]) picker[`${part}Part`] = root.querySelector(`.${part}`)
  picker.searchPart.value = kept.query
  picker.searchPart.oninput = () => {
    kept.query = picker.searchPart.value
    filter(picker)
  }
  picker.searchPart.onkeydown = (event) => pressInSearch(picker, event)
  picker.familiesPart.onclick = (event) => click(picker, event)
  picker.familiesPart.onkeydown = (event) => pressInList(picker, event)
  picker.familiesPart.addEventListener("focusin", (event) => tell(picker, cardOf(picker, event)))
  picker.familiesPart.addEventListener("pointerover", (event) => tell(picker, cardOf(picker, event)))
  picker.familiesPart.addEventListener("pointerleave", () => tell(picker, null))
  pickers.set(parentElement, picker)
  return picker
}

function fill(picker, content) {
  picker.content = content
  picker.cards = JSON.parse(content).map((card) => ({ ...card, option: optionOf(card) }))
  picker.families = []
  for (const card of picker.cards) {
    let family = picker.families.find(({ name }) => name === card.family)
    if (!family) picker.families.push((family = familyOf(card.family, picker.families.length)))
    family.cards.push(card)
    family.list.append(card.option)
  }
  picker.familiesPart.replaceChildren(...picker.families.map(({ section }) => section))
  picker.current = picker.cards.find(({ name }) => name === picker.current?.name) ?? null
}

function familyOf(name, index) {
  const section = element("section", "family")
  const head = element("div", "head")
  const title = element("h2", "", name)
  title.id = `family-${index}`
  const more = element("button", "more")
  more.type = "button"
  more.dataset.family = name
  head.append(title, more)
  const list = element("div", "list")
  list.setAttribute("role", "listbox")
  list.setAttribute("aria-multiselectable", "true")
  list.setAttribute("aria-labelledby", title.id)
  section.append(head, list)
  return { name, section, more, list, cards: [] }
}

function optionOf(card) {
  const option = element("div", "card")
  option.dataset.name = card.name
  option.tabIndex = -1
  option.setAttribute("role", "option")
  const spoken = [card.name, card.accuracy, card.duration && `${card.duration} an epoch`, card.about]
  option.setAttribute("aria-label", spoken.filter(Boolean).join(", "))
  const picture = element("div", "picture")
  picture.innerHTML = card.diagram
  const words = element("div", "words")
  const name = element("div", "name", card.name)
  if (card.known) name.append(element("span", "known", "★"))
  const facts = element("div", "facts", [card.accuracy, card.duration].filter(Boolean).join(" · "))
  if (card.duration) facts.append(element("span", "unit", " an epoch"))
  words.append(name, facts)
  option.append(picture, words, element("span", "add"))
  return option
}

function element(kind, className, text = "") {
  const made = document.createElement(kind)
  made.className = className
  made.textContent = text
  return made
}

/** Show the cards that hold all words of the search; without a search, the first of each long family. */
function filter(picker) {
  const words = plain(picker.searchPart.value).split(/\s+/).filter(Boolean)
  let count = 0
  for (const family of picker.families) {
    const matching = family.cards.filter((card) => words.every((word) => card.words.includes(word)))
    const isLong = !words.length && family.cards.length > LONG
    const isOpen = picker.kept.open.has(family.name)
    for (const card of family.cards) {
      const isFirst = family.cards.indexOf(card) < SHOWN || picker.chosen.includes(card.name)
      card.option.hidden = !matching.includes(card) || (isLong && !isOpen && !isFirst)
    }
    const folded = family.cards.filter(({ option }) => option.hidden).length
    family.section.hidden = !matching.length
    family.more.hidden = !isLong || (!isOpen && !folded)
    family.more.textContent = isOpen ? "fewer" : `${folded} more`
    family.more.title = isOpen ? "Show only the first networks of this family" : "Show all networks of this family"
    family.more.setAttribute("aria-expanded", isOpen)
    family.more.setAttribute("aria-label", `${family.more.textContent} of the family ${family.name}`)
    count += matching.length
  }
  picker.countPart.textContent = !words.length
    ? ""
    : count
      ? `${count} of ${picker.cards.length} networks`
      : "No network holds all these words."
  reach(picker, picker.current && !picker.current.option.hidden ? picker.current : null)
}

/** What is compared with the words of the cards, which Python has made plain in the same way. */
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()
}

function mark(picker) {
  const isOne = picker.chosen.length + picker.others === 1
  const isFull = picker.chosen.length + picker.others >= picker.most
  for (const card of picker.cards) {
    const isChosen = picker.chosen.includes(card.name)
    const add = card.option.querySelector(".add")
    card.option.setAttribute("aria-selected", isChosen)
    add.textContent = isChosen ? (isOne ? "✓" : "−") : isFull ? "" : "+"
    add.title = isChosen ? (isOne ? "" : "Take this network out") : "Train this network as well, beside the chosen ones"
  }
  if (!picker.current) reach(picker, null)
  if (!picker.told) tell(picker, null)
}

function visible(picker) {
  return picker.cards.filter(({ option }) => !option.hidden)
}

/** Tab leads to one card, the arrow keys to the others. */
function reach(picker, card, moveFocus = false) {
  const cards = visible(picker)
  const next = card ?? cards.find(({ name }) => picker.chosen.includes(name)) ?? cards[0]
  for (const { option } of picker.cards) option.tabIndex = -1
  picker.current = card
  if (!next) return
  next.option.tabIndex = 0
  if (!moveFocus) return
  picker.current = next
  next.option.focus()
}

/** The choice is shown at once; Python's answer confirms it. */
function choose(picker, names, alone) {
  picker.chosen = names
  if (alone) picker.others = 0
  picker.asked += 1
  mark(picker)
  picker.send({ names, alone, asked: picker.asked })
}

/** This network instead of all others; one of several that are chosen is taken out. */
function press(picker, { name }) {
  if (!picker.chosen.includes(name)) choose(picker, [name], true)
  else if (picker.chosen.length + picker.others > 1) toggle(picker, { name })
}

/** Add this network to the chosen ones, or take it out; the last one stays. */
function toggle(picker, { name }) {
  const isChosen = picker.chosen.includes(name)
  const count = picker.chosen.length + picker.others
  if (isChosen && count > 1) choose(picker, picker.chosen.filter((other) => other !== name), false)
  else if (!isChosen && count < picker.most) choose(picker, [...picker.chosen, name], false)
}

function click(picker, event) {
  const more = event.target.closest(".more")
  if (more) return unfold(picker, more.dataset.family)
  const card = cardOf(picker, event)
  if (!card) return
  reach(picker, card, true)
  const isAdding = event.target.closest(".add") || event.ctrlKey || event.metaKey || event.shiftKey
  if (isAdding) toggle(picker, card)
  else press(picker, card)
}

function unfold(picker, name) {
  const { open } = picker.kept
  if (!open.delete(name)) open.add(name)
  filter(picker)
}

function cardOf(picker, event) {
  const name = event.target.closest?.(".card")?.dataset.name
  return picker.cards.find((card) => card.name === name)
}

function tell(picker, card) {
  const { accuracyHelp, durationHelp, about, source } = card ?? {}
  picker.told = card
  const isFull = picker.chosen.length + picker.others >= picker.most
  picker.aboutPart.textContent = card
    ? [about, `${source}.`, accuracyHelp, durationHelp].filter(Boolean).join(" ")
    : isFull
      ? `${picker.most} networks are chosen, the most there can be. Take one out to add another.`
      : "A click chooses a network, + trains it as well. The times are those of an epoch here."
}

function pressInSearch(picker, event) {
  const first = visible(picker)[0]
  if (event.key === "ArrowDown" && first) reach(picker, first, true)
  else if (event.key === "Enter" && first && plain(picker.searchPart.value).trim()) press(picker, first)
  else if (event.key === "Escape" && picker.searchPart.value) {
    picker.searchPart.value = picker.kept.query = ""
    filter(picker)
  } else return
  event.preventDefault()
}

function pressInList(picker, event) {
  const card = cardOf(picker, event)
  if (!card || event.altKey) return
  const { key } = event
  if (key === "Enter") press(picker, card)
  else if (key === " " || key === "+" || key === "-") {
    if (key === " " || picker.chosen.includes(card.name) === (key === "-")) toggle(picker, card)
  } else {
    const next = neighbour(picker, card, key)
    if (next === undefined) return
    if (next === null) picker.searchPart.focus()
    else reach(picker, next, true)
  }
  event.preventDefault()
}

/** The card that a key leads to, null for the search, undefined for any other key. */
function neighbour(picker, card, key) {
  const cards = visible(picker)
  const at = cards.indexOf(card)
  if (key === "Home") return cards[0]
  if (key === "End") return cards[cards.length - 1]
  if (key === "ArrowRight") return cards[at + 1] ?? card
  if (key === "ArrowLeft") return cards[at - 1] ?? card
  if (key !== "ArrowDown" && key !== "ArrowUp") return undefined
  // In a wide picker several cards stand side by side: the nearest one in the next row.
  const here = card.option.getBoundingClientRect()
  const isBelow = key === "ArrowDown"
  const rows = cards
    .map((other) => ({ other, box: other.option.getBoundingClientRect() }))
    .filter(({ box }) => (isBelow ? box.top > here.top + 2 : box.top < here.top - 2))
  if (!rows.length) return isBelow ? card : null
  const top = isBelow ? Math.min(...rows.map(({ box }) => box.top)) : Math.max(...rows.map(({ box }) => box.top))
  const row = rows.filter(({ box }) => Math.abs(box.top - top) < 2)
  row.sort((one, two) => Math.abs(one.box.left - here.left) - Math.abs(two.box.left - here.left))
  return row[0].other
}
