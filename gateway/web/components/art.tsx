/** @jsxRuntime automatic @jsxImportSource hono/jsx */

const TURN = 360

/** Returns a number from 0 to `below`, always the same for a text (FNV-1a). */
function hashBelow(text: string, below: number): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return (hash >>> 0) % below
}

/** Renders the picture of a person: an initial on a colour of their own. */
export function Avatar({ name }: { readonly name: string }) {
  const hue = hashBelow(name, TURN)
  return (
    <svg class="avatar" viewBox="0 0 40 40" width="36" height="36" aria-hidden="true">
      <rect width="40" height="40" fill={`hsl(${hue} 45% 28%)`} />
      <circle cx="40" cy="40" r="26" fill={`hsl(${(hue + 40) % TURN} 55% 38%)`} />
      <text x="20" y="26.5" text-anchor="middle" font-size="18" font-weight="700" fill="#fff">
        {name.slice(0, 1).toUpperCase()}
      </text>
    </svg>
  )
}

/** Heights of the bars of an artwork, in percent. */
const BARS = 24

/** Renders a picture for a broadcast that has none: a signal in colours of its own. */
export function Artwork({ seed }: { readonly seed: string }) {
  const hue = hashBelow(seed, TURN)
  const id = `art-${hashBelow(seed, 0xffffffff).toString(36)}`
  const bars = Array.from({ length: BARS }, (_, at) => {
    const wave = Math.sin((at / BARS) * Math.PI)
    return Math.round(wave * (20 + hashBelow(`${seed}/${at}`, 60)) + 4)
  })
  return (
    <svg class="artwork" viewBox="0 0 160 90" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <defs>
        <radialGradient id={id} cx="25%" cy="10%" r="110%">
          <stop offset="0" stop-color={`hsl(${hue} 55% 34%)`} />
          <stop offset=".55" stop-color={`hsl(${(hue + 45) % TURN} 50% 17%)`} />
          <stop offset="1" stop-color={`hsl(${(hue + 80) % TURN} 45% 8%)`} />
        </radialGradient>
      </defs>
      <rect width="160" height="90" fill={`url(#${id})`} />
      {bars.map((height, at) => (
        <rect x={20 + at * 5} y={45 - height / 2} width="2.4" height={height} rx="1.2" fill="#fff" fill-opacity=".28" />
      ))}
    </svg>
  )
}

/** Renders the picture of an empty or broken state: a monitor whose lamp is off, or red. */
export function MonitorArt({ lamp }: { readonly lamp: 'off' | 'alert' | 'planned' }) {
  return (
    <svg class={`monitor-art lamp-${lamp}`} viewBox="0 0 220 140" aria-hidden="true" fill="none">
      <rect class="art-body" x="20" y="18" width="180" height="100" rx="10" />
      <rect class="art-glass" x="29" y="27" width="162" height="82" rx="4" />
      <path class="art-line" d="M44 68h18l8-22 12 44 10-30 7 16 6-8h71" />
      <path class="art-stand" d="M86 130h48M110 118v12" />
      <circle class="art-lamp" cx="110" cy="9" r="6" />
      <path class="art-rays" d="M96 9H86M134 9h-10M99 1l-7-6M121 1l7-6" />
    </svg>
  )
}
