/** @jsxRuntime automatic @jsxImportSource hono/jsx */

/** Paths on a grid of 24, drawn with round strokes. */
const PATHS = {
  viewers: 'M2 12s3.6-7 10-7 10 7 10 7-3.6 7-10 7-10-7-10-7Z M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z',
  copy: 'M9 9h11v11H9z M5 15H4V4h11v1',
  check: 'M4 12.5 9.5 18 20 6.5',
  play: 'M7 4.5v15l12-7.5-12-7.5Z',
  download: 'M12 4v11m-5-4.5 5 5 5-5M4 20h16',
  key: 'M15 4a5 5 0 1 0 0 10 5 5 0 0 0 0-10Z M11.5 12.5 4 20m2-2 2.5 2.5M9 15l2 2',
  camera: 'M3 7h12v10H3z M15 11l6-3v8l-6-3',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z M12 7v5l3.5 2',
  lock: 'M5 11h14v10H5z M8 11V8a4 4 0 0 1 8 0v3',
  link: 'M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1',
  alert: 'M12 4 2.5 20h19L12 4Z M12 10v4m0 3v.01',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z M12 11v5m0-8v.01',
  gear: 'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z M12 2.8v3m0 12.4v3M2.8 12h3m12.4 0h3M5.5 5.5l2.1 2.1m8.8 8.8 2.1 2.1m0-13-2.1 2.1M7.6 16.4l-2.1 2.1',
  out: 'M14 4h6v16h-6M4 12h11m-4-4 4 4-4 4',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l2 2H4l2-2Z M10 21h4',
  user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z M4 20.5c1-4 4-6 8-6s7 2 8 6',
  plus: 'M12 5v14M5 12h14',
  heart: 'M12 20.5 4.2 12.8a5 5 0 0 1 7-7l.8.8.8-.8a5 5 0 0 1 7 7L12 20.5Z',
  flag: 'M5 21V4h13l-2.5 4.5L18 13H5',
  shield: 'M12 3 4.5 6v6c0 4.5 3 7.5 7.5 9 4.5-1.5 7.5-4.5 7.5-9V6L12 3Z',
  scissors: 'M6 4a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z M6 15a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z M8 8l12 9M8 16 20 7',
} as const
export type IconName = keyof typeof PATHS

/** Renders an icon beside a text, which says the same. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="20"
      height="20"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** Renders the lamp of the platform's name. */
export function Lamp() {
  return (
    <svg class="lamp" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <circle cx="16" cy="16" r="12.5" fill="none" stroke="#ff3b30" stroke-opacity=".35" stroke-width="2.5" />
      <circle cx="16" cy="16" r="7.5" fill="#ff3b30" />
    </svg>
  )
}
