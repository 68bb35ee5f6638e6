import { expect, it } from 'vitest'

import { posterUrlOf } from './addresses.ts'

const folder = 'live/019f0c9e-6d3b-7cc1-a0b4-4d8f1c2e5a77/'

it('leads to a picture where the segments are read: at the gateway, or at the bucket or CDN', () => {
  expect(posterUrlOf({ folder, poster: 3 }, null)).toBe(`/${folder}poster-3.jpg`)
  expect(posterUrlOf({ folder, poster: 3 }, 'https://cdn.example.com')).toBe(
    `https://cdn.example.com/${folder}poster-3.jpg`,
  )
  expect(posterUrlOf({ folder, poster: null }, 'https://cdn.example.com')).toBeNull()
})
