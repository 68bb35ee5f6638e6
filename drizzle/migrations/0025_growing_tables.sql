CREATE INDEX "chat_entries_of_room" ON "chat_entries" USING btree ("stream_id") WHERE kind = 'room';--> statement-breakpoint
CREATE INDEX "streams_publishing" ON "streams" USING btree ("publisher_session") WHERE publisher_session is not null;--> statement-breakpoint
CREATE INDEX "streams_unclosed" ON "streams" USING btree ("ended_at") WHERE closed_at is null and state = 'ended';--> statement-breakpoint
CREATE INDEX "streams_watched" ON "streams" USING btree ("monitor_id") WHERE monitor_id is not null;