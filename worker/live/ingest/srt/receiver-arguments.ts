import type { SrtListener } from '../../../../shared/contract/live.ts'
import { composeAuthority } from '../../../platform/peer-host.ts'

/** Bytes and microseconds that are probed at most: all tracks of a stream of an encoder are there by then. */
const PROBE = { bytes: 2_000_000, durationUs: 2_000_000 }

/** Returns the arguments of ffmpeg: what its script names is copied to FLV on file descriptor 3. */
export function buildReceiverArguments(): readonly string[] {
  return [
    ['-hide_banner', '-nostats', '-v', 'error', '-protocol_whitelist', 'pipe,srt,udp'],
    ['-f', 'concat', '-safe', '0', '-i', 'pipe:0', '-map', '0:v:0?', '-map', '0:a:0?', '-c', 'copy'],
    // A track that sends nothing does not hold back the other one for longer than this, in microseconds.
    ['-max_interleave_delta', '200000', '-protocol_whitelist', 'pipe', '-flush_packets', '1'],
    ['-f', 'flv', '-flvflags', 'no_duration_filesize+no_metadata', 'pipe:3'],
  ].flat()
}

/**
 * Time in which lost packets are sent again, in microseconds, where the encoder does not ask for more: four times a round
 * trip of 60 ms, as the SRT library's documentation advises.
 */
const LATENCY_US = 240_000

/**
 * Returns the script that names a listener (ffmpeg's documentation, "concat"). A command line would show its passphrase
 * to all programs of the machine.
 */
export function composeReceiverScript(host: string, { port, passphrase }: Omit<SrtListener, 'key_hash'>): string {
  return [
    'ffconcat version 1.0',
    `file 'srt://${composeAuthority(host, port)}?mode=listener&passphrase=${passphrase}&pbkeylen=16&rcvlatency=${LATENCY_US}'`,
    `option probesize ${PROBE.bytes}`,
    `option analyzeduration ${PROBE.durationUs}`,
    '',
  ].join('\n')
}
