const SHORTEST_MS = 50
const LONGEST_MS = 250
const CLIENTS_A_SECOND = 20_000

/** Returns the shortest time between two frames of a room, in ms: what is written meanwhile is sent together. */
export function tickMsFor(clients: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (clients / CLIENTS_A_SECOND) * 1000))
}
