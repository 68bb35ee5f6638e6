ALTER TABLE "streams" ADD COLUMN "window_from_seq" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "streams_by_category" ON "streams" USING btree ("category","stream_id");