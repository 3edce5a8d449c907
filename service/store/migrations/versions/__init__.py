"""One module per version; one that was released is never changed."""
