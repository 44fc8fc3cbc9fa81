// What moves on a page, by server-sent events. Without it every page can be read as well; a reload shows the same.
