/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'

type DoorParts = { readonly title: string; readonly lead: string; readonly children?: Child }

/** Renders a page on which one registers or signs in: a card beside a picture. */
export function DoorPage({ title, lead, children }: DoorParts) {
  return (
    <div class="door">
      <DoorArt />
      <section class="door-card">
        <h1>{title}</h1>
        <p class="muted">{lead}</p>
        {children}
      </section>
    </div>
  )
}

/** Columns and rows of the wall of monitors. */
const WALL = { columns: 4, rows: 5 }

/** Renders a wall of monitors in the dark, one of them on air. */
function DoorArt() {
  const tiles = Array.from({ length: WALL.columns * WALL.rows }, (_, at) => ({
    x: (at % WALL.columns) * 96 + 12,
    y: Math.floor(at / WALL.columns) * 62 + 12,
    shade: ((at * 7) % 5) * 3 + 8,
    isOnAir: at === 9,
  }))
  return (
    <svg class="door-art" viewBox="0 0 396 322" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <defs>
        <radialGradient id="door-glow" cx="38%" cy="46%" r="60%">
          <stop offset="0" stop-color="#7a1420" />
          <stop offset=".5" stop-color="#26090f" />
          <stop offset="1" stop-color="#0a0b0e" />
        </radialGradient>
      </defs>
      <rect width="396" height="322" fill="url(#door-glow)" />
      {tiles.map(({ x, y, shade, isOnAir }) => (
        <g>
          <rect
            x={x}
            y={y}
            width="84"
            height="50"
            rx="4"
            fill={isOnAir ? '#d3122a' : `hsl(230 12% ${shade}%)`}
            stroke="#ffffff"
            stroke-opacity={isOnAir ? '.7' : '.09'}
          />
          <path
            d={`M${x + 10} ${y + 30}h14l6-${6 + (shade % 9)} 9 ${12 + (shade % 7)} 7-10h28`}
            fill="none"
            stroke="#fff"
            stroke-opacity={isOnAir ? '.9' : '.2'}
            stroke-width="1.5"
          />
        </g>
      ))}
    </svg>
  )
}
