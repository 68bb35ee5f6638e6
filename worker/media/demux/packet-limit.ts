/**
 * Most packets of a segment, over all of its tracks: half an hour of AAC. Every packet is an object of several hundred
 * bytes, and a few bytes of a segment can stand for very many.
 */
export const MAX_SEGMENT_PACKETS = 100_000

/**
 * Checks the number of packets that were found so far.
 * @throws RangeError where a segment cannot have as many
 */
export function checkPacketCount(count: number): void {
  if (count > MAX_SEGMENT_PACKETS) throw new RangeError('has too many samples')
}
