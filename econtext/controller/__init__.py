"""The controller's side: what starts slaves, talks to them and is never shipped."""
