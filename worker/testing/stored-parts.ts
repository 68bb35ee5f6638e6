import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What puts that are under way, or were broken off, have left below a store's folder, seen from the server's disk. */
export async function storedParts(dir: string): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
  const entries = await readdir(dir, { recursive: true })
  const parts = entries.filter((name) => name.endsWith('.part'))
  return Promise.all(parts.map(async (name) => ({ name, bytes: await sizeOf(join(dir, name)) })))
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}
