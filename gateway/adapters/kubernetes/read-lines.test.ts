import { expect, test } from 'vitest'

import { readLines } from './read-lines.ts'

const { signal } = new AbortController()

function streamOf(chunks: readonly Uint8Array[], onCancel = () => {}): ReadableStream<Uint8Array> {
  const left = [...chunks]
  return new ReadableStream({
    pull(controller) {
      const chunk = left.shift()
      if (chunk === undefined) controller.close()
      else controller.enqueue(chunk)
    },
    cancel: onCancel,
  })
}

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(streamOf(chunks), signal)) lines.push(line)
  return lines
}

test('lines are whole wherever a chunk ends, even inside a character; an unfinished last line is left out', async () => {
  const bytes = new TextEncoder().encode('{"a":"é"}\n\n{"b":"🐎"}\n{"c":1}\n{"unfin')
  for (let size = 1; size <= bytes.length; size++) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      bytes.slice(n * size, (n + 1) * size),
    )
    expect(await linesOf(chunks)).toEqual(['{"a":"é"}', '{"b":"🐎"}', '{"c":1}'])
  }
})

test('a line that exceeds the maximum length is an error', async () => {
  const chunk = new Uint8Array(1024 * 1024).fill(0x20)
  await expect(linesOf(Array.from({ length: 10 }, () => chunk))).rejects.toThrow('a line of more than')
})

test('leaving the loop cancels the stream', async () => {
  let isCancelled = false
  const stream = streamOf(Array(5).fill(new TextEncoder().encode('1\n2\n')), () => (isCancelled = true))
  for await (const line of readLines(stream, signal)) if (line === '1') break
  expect(isCancelled).toBe(true)
})
