"""Images as small pictures: the virtual grid, the filmstrip, filters, thumbnails."""
