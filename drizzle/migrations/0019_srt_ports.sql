ALTER TABLE "streams" ADD COLUMN "srt_port" integer;--> statement-breakpoint
CREATE UNIQUE INDEX "streams_srt_port_key" ON "streams" USING btree ("srt_port") WHERE state <> 'ended';