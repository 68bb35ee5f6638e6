import { expect, test } from 'vitest'

import { classifyEncoderResult } from './encoder-failure.ts'

function messageOf(stderr: string, code = 1): string {
  const result = classifyEncoderResult({ kind: 'exited', code, stdout: '', stderr, pipes: [] }, 1000)
  return result?.kind === 'failed' ? result.failure.message : ''
}

test('a number of a library is explained in words', () => {
  const lines = ['[Parsed_zscale_6 @ 0x55d0] code 3074: no path between colorspaces', 'Empty output']
  expect(messageOf(lines.join('\n'))).toBe(
    'the colours of the input cannot be converted (ffmpeg: code 3074: no path between colorspaces)',
  )
})

test('a line or a number that ffmpeg leaves is not the whole message', () => {
  expect(messageOf('[out @ 0x55d0] Error -22')).toBe('ffmpeg could not encode the input: Error -22')
  expect(messageOf('', 183)).toBe('ffmpeg ended without an error message (exit code 183)')
})
