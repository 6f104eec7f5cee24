// What a pad and the answers to its drawing tell each other. The drawing itself lies in `lastingFor(key).drawing`.

/** There is a new picture: { key } of the pad. */
export const DRAWN = "mnist-lab:drawn"
/** Pictures up to `seq` have been answered, and the next one of a stroke may come after `pause` ms: { key, seq, pause }. */
export const ANSWERED = "mnist-lab:answered"
